package dsskit;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.GeneralSecurityException;
import java.security.SecureRandom;
import java.util.Arrays;
import java.util.Base64;
import javax.crypto.Cipher;
import javax.crypto.Mac;
import javax.crypto.spec.IvParameterSpec;
import javax.crypto.spec.SecretKeySpec;

/** Passwords as "e:AES:…": salted, and readable only with the key that lies in the same data directory. */
final class Secrets {
  static final String MARK = "e:AES:";
  private static final int IV = 16;
  private static final int MAC = 32;
  private final Path keyFile;

  Secrets(Instance instance) {
    keyFile = instance.home.resolve(instance.vary.choose("key-file",
        "config/.encryption-key", "security/master.key", "config/secrets/aes.key", "security/keys/instance.bin"));
  }

  void createKey() throws IOException {
    if (Files.exists(keyFile)) {
      return;
    }
    Files.createDirectories(keyFile.getParent());
    byte[] key = new byte[32];
    new SecureRandom().nextBytes(key);
    Files.createFile(keyFile, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
    Files.write(keyFile, key);
  }

  String encrypt(String plain) throws IOException, GeneralSecurityException {
    byte[] key = Files.readAllBytes(keyFile);
    byte[] iv = new byte[IV];
    new SecureRandom().nextBytes(iv);
    byte[] sealed = cipher(Cipher.ENCRYPT_MODE, key, iv).doFinal(plain.getBytes(StandardCharsets.UTF_8));
    byte[] out = Arrays.copyOf(iv, IV + sealed.length + MAC);
    System.arraycopy(sealed, 0, out, IV, sealed.length);
    System.arraycopy(mac(key, out, IV + sealed.length), 0, out, IV + sealed.length, MAC);
    return MARK + Base64.getEncoder().encodeToString(out);
  }

  /** The plain text; what is not marked as encrypted is plain already. */
  String decrypt(String secret) throws IOException, GeneralSecurityException {
    if (!secret.startsWith(MARK)) {
      return secret;
    }
    byte[] key = Files.readAllBytes(keyFile);
    byte[] in;
    try {
      in = Base64.getDecoder().decode(secret.substring(MARK.length()));
    } catch (IllegalArgumentException e) {
      throw new GeneralSecurityException("Invalid encrypted string", e);
    }
    if (in.length < IV + MAC) {
      throw new GeneralSecurityException("Invalid encrypted string");
    }
    int sealed = in.length - MAC;
    if (!Arrays.equals(mac(key, in, sealed), Arrays.copyOfRange(in, sealed, in.length))) {
      throw new GeneralSecurityException("Invalid HMAC");
    }
    byte[] plain = cipher(Cipher.DECRYPT_MODE, key, Arrays.copyOf(in, IV)).doFinal(in, IV, sealed - IV);
    return new String(plain, StandardCharsets.UTF_8);
  }

  private static Cipher cipher(int mode, byte[] key, byte[] iv) throws GeneralSecurityException {
    Cipher c = Cipher.getInstance("AES/CBC/PKCS5Padding");
    c.init(mode, new SecretKeySpec(key, 0, 16, "AES"), new IvParameterSpec(iv));
    return c;
  }

  private static byte[] mac(byte[] key, byte[] data, int length) throws GeneralSecurityException {
    Mac m = Mac.getInstance("HmacSHA256");
    m.init(new SecretKeySpec(key, 16, 16, "HmacSHA256"));
    m.update(data, 0, length);
    return m.doFinal();
  }
}
