package dsskit;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** The one-off commands behind installer.sh, bin/dssadmin, bin/govern-admin and the tests' own look into the databases. */
public final class Tool {
  private Tool() {}

  public static void main(String[] args) {
    String command = args.length == 0 ? "" : args[0];
    try {
      Instance instance = new Instance();
      int code = run(instance, command, args);
      System.out.flush();
      System.exit(code);
    } catch (Exception e) {
      System.err.println("[ERROR] [dku." + command + "] - " + e.getMessage());
      e.printStackTrace();
      System.exit(failure(command));
    }
  }

  private static int failure(String command) {
    try {
      return new Instance().vary.failure(command);
    } catch (IOException e) {
      return 1;
    }
  }

  private static int run(Instance instance, String command, String[] args) throws Exception {
    Faults faults = new Faults(instance);
    switch (command) {
      case "fresh":
        new Setup(instance).fresh(Integer.parseInt(Instance.env("DSSKIT_ROWS", "20")));
        return 0;
      case "migrate":
        return migrate(instance);
      case "encrypt-password":
        return encrypt(instance, faults, args);
      case "copy-databases-to-external":
        return copy(instance, faults);
      case "init-db":
        try (Store store = Store.open(instance)) {
          store.prepare(instance.confVersion);
        }
        System.out.println("Database initialized");
        return 0;
      case "fill":
        try (Store store = Store.open(instance)) {
          new Setup(instance).fill(store, Integer.parseInt(args[1]));
        }
        return 0;
      case "dump":
        return dump(instance, args[1]);
      case "api":
        return Cli.run(instance, List.of(args).subList(1, args.length));
      default:
        System.err.println("Unknown command: " + command);
        return 2;
    }
  }

  /** It is not known whether the installer or the first start upgrades the tables: the seed decides. */
  private static int migrate(Instance instance) throws Exception {
    if (instance.nodeType.equals("api") || instance.nodeType.equals("govern")) {
      return 0;
    }
    new Setup(instance).migrateSettings();
    if (instance.vary.pick("installer-upgrades-tables", 4) == 0) {
      try (Store store = Store.open(instance)) {
        store.prepare(instance.confVersion);
      }
    }
    return 0;
  }

  private static int encrypt(Instance instance, Faults faults, String[] args) throws Exception {
    if (args.length != 2) {
      System.err.println("Usage: encrypt-password PASSWORD");
      return 2;
    }
    if (faults.on("encrypt-fail")) {
      throw new IOException("Could not read the encryption key");
    }
    String secret = new Secrets(instance).encrypt(args[1]);
    switch (instance.vary.pick("encrypt-noise", 4)) {
      case 0 -> System.out.println("Encrypted password, to be put in the configuration:");
      case 1 -> System.err.println("INFO: using the instance's encryption key");
      default -> { }
    }
    System.out.println(secret);
    return 0;
  }

  private static int copy(Instance instance, Faults faults) throws Exception {
    if (instance.connection() == null) {
      throw new IOException("No external connection in internalDatabase of config/general-settings.json");
    }
    Schema schema = new Schema(instance.vary);
    try (EmbeddedStore from = new EmbeddedStore(instance, schema);
        ExternalStore to = new ExternalStore(instance, schema, 2)) {
      new Copy(instance, faults, from, to).run();
    }
    return 0;
  }

  /** One line for each table: database, table, rows, digest. */
  private static int dump(Instance instance, String where) throws Exception {
    Schema schema = new Schema(instance.vary);
    if (where.equals("embedded") && !Files.isDirectory(Path.of(instance.home + "/databases"))) {
      return 0;
    }
    try (Store store = where.equals("embedded")
        ? new EmbeddedStore(instance, schema) : new ExternalStore(instance, schema, 2)) {
      for (Schema.Table t : schema.tables) {
        System.out.println(t.database() + "\t" + t.name() + "\t" + store.count(t) + "\t"
            + Long.toHexString(Rows.digest(store, t)));
      }
    }
    return 0;
  }
}
