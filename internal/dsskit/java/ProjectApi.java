package dsskit;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.stream.Stream;

/** Projects: their jobs, scenarios and saved models; TransferApi has their export and import. */
final class ProjectApi {
  private final Path root;
  private final Work work;
  private final TransferApi transfer;
  private final Vary vary;

  ProjectApi(Instance instance, Faults faults, Work work) {
    root = instance.home.resolve("config/projects");
    this.work = work;
    vary = instance.vary;
    transfer = new TransferApi(instance, faults, root);
  }

  boolean handle(Http http) throws Exception {
    if (http.is("GET", "public/api/projects")) {
      List<Object> l = new ArrayList<>();
      for (Path p : children(root)) {
        l.add(read(p.resolve("params.json")));
      }
      http.json(200, l);
      return true;
    }
    if (http.path.length < 4 || !http.path[2].equals("projects")) {
      return false;
    }
    if (transfer.takes(http)) {
      return true;
    }
    String key = http.path[3];
    Path project = root.resolve(key);
    if (!children(root).contains(project)) {
      throw new Http.Problem(404, "com.dataiku.dip.exceptions.NotFoundException", "Project not found: " + key);
    }
    if (http.is("DELETE", "public/api/projects/*")) {
      TransferApi.delete(project);
      http.done();
      return true;
    }
    return http.path.length > 4 && inProject(http, key, project);
  }

  private boolean inProject(Http http, String key, Path project) throws Exception {
    String any = "public/api/projects/*/";
    if (http.is("GET", any + "jobs")) {
      http.json(200, jobs(key));
    } else if (http.is("POST", any + "jobs")) {
      String id = "Build_" + System.nanoTime();
      work.start("job", id, key, 1000);
      http.json(200, Json.object("id", id));
    } else if (http.is("GET", any + "jobs/*")) {
      for (Object o : jobs(key)) {
        if (http.path[5].equals(Json.asObject(Json.asObject(o).get("def")).get("id"))) {
          http.json(200, Json.object("baseStatus", o));
          return true;
        }
      }
      return false;
    } else if (http.is("POST", any + "jobs/*/abort")) {
      if (!work.abort("job", http.path[5])) {
        throw new Http.Problem(404, "com.dataiku.dip.exceptions.NotFoundException", "Job not found: " + http.path[5]);
      }
      http.json(200, Json.object("aborted", Boolean.TRUE));
    } else if (http.is("GET", any + "scenarios")) {
      List<Object> l = new ArrayList<>();
      for (Path p : children(project.resolve("scenarios"))) {
        Map<String, Object> s = read(p);
        l.add(Json.object("projectKey", key, "id", s.get("id"), "name", s.get("name"), "type", s.get("type"),
            "active", s.get("active"), "running", Boolean.FALSE));
      }
      http.json(200, l);
    } else if (http.is("GET", any + "scenarios/*")) {
      http.json(200, read(scenario(project, http.path[5])));
    } else if (http.is("PUT", any + "scenarios/*")) {
      Path file = scenario(project, http.path[5]);
      Instance.replace(file, Json.write(http.body()));
      http.done();
    } else if (http.is("GET", any + "savedmodels")) {
      List<Object> l = new ArrayList<>();
      for (Path p : children(project.resolve("saved_models"))) {
        l.add(read(p));
      }
      http.json(200, vary.page("savedmodels", l));
    } else if (http.is("GET", any + "savedmodels/*/versions")) {
      http.json(200, List.of(Json.object("id", "1", "active", Boolean.TRUE)));
    } else if (http.is("POST", any + "export")) {
      transfer.export(http, key, project);
    } else {
      return false;
    }
    return true;
  }

  private List<Object> jobs(String key) throws IOException {
    List<Object> l = new ArrayList<>();
    for (Properties w : work.list("job", key)) {
      boolean running = Work.running(w);
      l.add(Json.object("def", Json.object("type", "NON_RECURSIVE_FORCED_BUILD", "id", w.getProperty("id"),
          "name", w.getProperty("id"), "projectKey", key), "state", w.getProperty("state", "RUNNING"),
          "stableState", !running, "startTime", new Json.Num(w.getProperty("started", "0"))));
    }
    l.add(Json.object("def", Json.object("type", "NON_RECURSIVE_FORCED_BUILD", "id", "Build_orders_2024-01-01T00-00-00",
        "name", "Build orders", "projectKey", key), "state", "DONE", "stableState", Boolean.TRUE,
        "startTime", new Json.Num("1704067200000")));
    return l;
  }

  private Path scenario(Path project, String id) throws IOException, Http.Problem {
    Path file = project.resolve("scenarios").resolve(id + ".json");
    if (!children(project.resolve("scenarios")).contains(file)) {
      throw new Http.Problem(404, "com.dataiku.dip.exceptions.NotFoundException", "Scenario not found: " + id);
    }
    return file;
  }

  static Map<String, Object> read(Path file) throws IOException {
    return Json.asObject(Json.parse(Files.readString(file)));
  }

  static List<Path> children(Path dir) throws IOException {
    if (!Files.isDirectory(dir)) {
      return List.of();
    }
    try (Stream<Path> s = Files.list(dir)) {
      return s.filter(p -> !p.getFileName().toString().endsWith(".tmp")).sorted().toList();
    }
  }
}
