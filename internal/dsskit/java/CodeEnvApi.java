package dsskit;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Code environments: listed, rebuilt, and their images built; each leaves the version it was done with. */
final class CodeEnvApi {
  private final Instance instance;

  CodeEnvApi(Instance instance) {
    this.instance = instance;
  }

  boolean handle(Http http) throws Exception {
    if (http.is("GET", "public/api/admin/code-envs")) {
      List<Object> l = new ArrayList<>();
      for (Path lang : ProjectApi.children(desc())) {
        for (Path env : ProjectApi.children(lang)) {
          l.add(Json.parse(Files.readString(env.resolve("desc.json"))));
        }
      }
      http.json(200, l);
    } else if (http.is("POST", "public/api/admin/code-envs/*/*/packages")) {
      mark(http, "built-with");
    } else if (http.is("POST", "public/api/admin/code-envs/*/*/images")) {
      mark(http, "image-built-with");
    } else {
      return false;
    }
    return true;
  }

  private Path desc() {
    return instance.home.resolve((instance.nodeType.equals("automation") ? "acode-envs" : "code-envs") + "/desc");
  }

  private void mark(Http http, String mark) throws IOException, Http.Problem {
    Path lang = desc().resolve(http.path[4].toLowerCase());
    Path env = lang.resolve(http.path[5]);
    if (!ProjectApi.children(lang).contains(env)) {
      throw new Http.Problem(404, "com.dataiku.dip.exceptions.NotFoundException",
          "Code env not found: " + http.path[4] + " " + http.path[5]);
    }
    boolean forced = mark.startsWith("image") || "true".equals(http.query().get("forceRebuildEnv"));
    if (forced) {
      Files.writeString(env.resolve(mark), instance.version + "\n");
    }
    http.json(200, Json.object("messages", Json.object("error", Boolean.FALSE, "messages", List.of())));
  }
}
