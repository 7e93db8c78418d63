package dsskit

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"syscall"
	"time"
)

//go:embed java
var javaSources embed.FS

// jarFolders are where distributions put the jars of H2 and of the PostgreSQL driver.
var jarFolders = []string{"/usr/share/java", "/usr/local/share/java"}

// Compile makes the jar of the kit's Java programs in a folder of cacheDir that is named after their content, and
// returns its path; when it is there already, that costs nothing. Concurrent calls, also of other processes, wait for
// each other. With cacheDir "", the folder that DSSKIT_CACHE names, or one of the user's cache or of the temporary folder
// is taken.
func Compile(ctx context.Context, cacheDir string) (jar string, err error) {
	cacheDir, err = usableCache(cacheDir)
	if err != nil {
		return "", err
	}
	libraries, err := findJars()
	if err != nil {
		return "", err
	}
	digest, err := sourceDigest()
	if err != nil {
		return "", err
	}
	home := filepath.Join(cacheDir, digest)
	jar = filepath.Join(home, "dss.jar")
	complete := filepath.Join(home, "complete")
	if exists(complete) {
		return jar, nil
	}
	unlock, err := lockFile(filepath.Join(cacheDir, "compile.lock"))
	if err != nil {
		return "", err
	}
	defer unlock()
	if exists(complete) {
		return jar, nil
	}
	work, err := os.MkdirTemp(cacheDir, "compile-")
	if err != nil {
		return "", fmt.Errorf("compile the simulated DSS: %w", err)
	}
	defer os.RemoveAll(work)
	if err := javac(ctx, work, libraries); err != nil {
		return "", err
	}
	if err := os.MkdirAll(home, 0o755); err != nil {
		return "", fmt.Errorf("compile the simulated DSS: %w", err)
	}
	if err := os.Rename(filepath.Join(work, "dss.jar"), jar); err != nil {
		return "", fmt.Errorf("compile the simulated DSS: %w", err)
	}
	// Without it everything works as well, only slower.
	_ = archiveClasses(ctx, work, filepath.Join(home, archiveName), append(libraries, jar))
	if err := os.WriteFile(complete, nil, 0o644); err != nil {
		return "", fmt.Errorf("compile the simulated DSS: %w", err)
	}
	return jar, nil
}

// archiveName is the file beside the jar with the classes of jar and libraries as a JVM has them in memory: reading
// them from there saves each program of the kit a third of its work. It is good for a class path that
// begins with these very files.
const archiveName = "classes.jsa"

func archiveClasses(ctx context.Context, work, archive string, classPath []string) error {
	if err := os.WriteFile(filepath.Join(work, "dss-version.json"), []byte(`{"conf_version":"1","product_version":"1"}`), 0o600); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "java", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-XX:-UsePerfData", "-XX:ArchiveClassesAtExit="+archive,
		"-cp", joinPaths(classPath), "dsskit.Training")
	cmd.Env = append(os.Environ(), "DKUINSTALLDIR="+work, "DIP_HOME="+filepath.Join(work, "home"), "DKU_BASE_PORT=-1", "DKU_NODE_TYPE=design")
	if out, err := cmd.CombinedOutput(); err != nil {
		return errors.Join(fmt.Errorf("archive the classes of %v: %w\n%s", classPath, err, out), os.Remove(archive))
	}
	return nil
}

func javac(ctx context.Context, work string, libraries []string) error {
	sources, classes := filepath.Join(work, "src"), filepath.Join(work, "classes")
	if err := os.CopyFS(sources, javaSources); err != nil {
		return fmt.Errorf("unpack the Java sources: %w", err)
	}
	files, err := filepath.Glob(filepath.Join(sources, "java", "*.java"))
	if err != nil {
		return err
	}
	args := append([]string{
		"-J-XX:TieredStopAtLevel=1", "-J-XX:-UsePerfData", "-XDstringConcat=inline", "-nowarn", "-encoding", "UTF-8",
		"-cp", joinPaths(libraries), "-d", classes,
	}, files...)
	if out, err := exec.CommandContext(ctx, "javac", args...).CombinedOutput(); err != nil {
		return fmt.Errorf("javac (a JDK is needed, see scripts/setup): %w\n%s", err, out)
	}
	return writeJar(filepath.Join(work, "dss.jar"), classes)
}

// writeJar packs the classes; the jar command would take longer than javac.
func writeJar(jar, classes string) error {
	var content bytes.Buffer
	w := zip.NewWriter(&content)
	if err := w.AddFS(os.DirFS(classes)); err != nil {
		return fmt.Errorf("pack %s: %w", jar, err)
	}
	if err := w.Close(); err != nil {
		return fmt.Errorf("pack %s: %w", jar, err)
	}
	return os.WriteFile(jar, content.Bytes(), 0o644)
}

// usableCache returns a folder that can be written to: HOME may belong to somebody else, or not exist.
func usableCache(dir string) (string, error) {
	candidates := []string{dir}
	if dir == "" {
		candidates = nil
		if shared := os.Getenv("DSSKIT_CACHE"); shared != "" {
			candidates = append(candidates, shared)
		}
		if user, err := os.UserCacheDir(); err == nil {
			candidates = append(candidates, filepath.Join(user, "dsskit"))
		}
		candidates = append(candidates, filepath.Join(os.TempDir(), fmt.Sprintf("dsskit-cache-%d", os.Getuid())))
	}
	var failures error
	for _, c := range candidates {
		err := os.MkdirAll(c, 0o700)
		if err == nil {
			var probe *os.File
			if probe, err = os.CreateTemp(c, "probe-"); err == nil {
				probe.Close()
				os.Remove(probe.Name())
				return c, nil
			}
		}
		failures = errors.Join(failures, err)
	}
	return "", fmt.Errorf("no folder to compile the simulated DSS in: %w", failures)
}

// findJars returns the jars of H2 and of the PostgreSQL driver, and those that the driver needs for SCRAM passwords
// where a distribution keeps them apart.
func findJars() ([]string, error) {
	var found []string
	for _, name := range []string{"h2", "postgresql"} {
		jar := findJar(name)
		if jar == "" {
			return nil, fmt.Errorf("no %s.jar in %v: run scripts/setup", name, jarFolders)
		}
		found = append(found, jar)
	}
	for _, name := range []string{"scram-client", "scram-common", "saslprep", "stringprep"} {
		if jar := findJar(name); jar != "" {
			found = append(found, jar)
		}
	}
	return found, nil
}

// findJar finds a jar with or without a version in its name.
func findJar(name string) string {
	for _, folder := range jarFolders {
		for _, pattern := range []string{name + ".jar", name + "-[0-9]*.jar"} {
			if matches, err := filepath.Glob(filepath.Join(folder, pattern)); err == nil && len(matches) > 0 {
				return matches[len(matches)-1]
			}
		}
	}
	return ""
}

func sourceDigest() (string, error) {
	h := sha256.New()
	err := fs.WalkDir(javaSources, "java", func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || path.Ext(p) != ".java" {
			return err
		}
		text, err := javaSources.ReadFile(p)
		fmt.Fprintf(h, "%s %d\n", p, len(text))
		h.Write(text)
		return err
	})
	if err != nil {
		return "", fmt.Errorf("read the Java sources: %w", err)
	}
	return hex.EncodeToString(h.Sum(nil))[:20], nil
}

func joinPaths(paths []string) string {
	joined := ""
	for i, p := range paths {
		if i > 0 {
			joined += string(os.PathListSeparator)
		}
		joined += p
	}
	return joined
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// lockFile waits for the lock on a file and returns what gives it back.
func lockFile(path string) (unlock func(), err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		f.Close()
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	return func() { f.Close() }, nil
}
