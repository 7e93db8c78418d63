// Command archiver archives, verifies and extracts a tree with internal/archive:
// what make bench measures as a process of its own.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/pprof"
	"syscall"

	"golang.org/x/sync/errgroup"

	"github.com/dssctl/dssctl/internal/archive"
)

func main() {
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	cancel()
	if err != nil {
		fmt.Fprintln(os.Stderr, "archiver:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	f := flag.NewFlagSet("archiver write|verify|extract ARCHIVE FOLDER", flag.ContinueOnError)
	compression := f.String("compression", "zstd", "zstd, gzip or none")
	level := f.Int("level", 0, "of the compression")
	readers := f.Int("readers", 0, "files read at a time")
	workers := f.Int("workers", 0, "blocks compressed at a time")
	profile := f.String("cpuprofile", "", "write a profile to this `file`")
	if len(args) < 3 {
		return fmt.Errorf("usage: %s", f.Name())
	}
	if err := f.Parse(args[3:]); err != nil {
		return err
	}
	if *profile != "" {
		out, err := os.Create(*profile)
		if err != nil {
			return err
		}
		defer out.Close()
		if err := pprof.StartCPUProfile(out); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
	}
	name, folder := args[1], filepath.Clean(args[2])
	var report archive.Report
	var err error
	switch args[0] {
	case "read":
		return readAll(folder)
	case "write":
		kinds := map[string]archive.Compression{"zstd": archive.Zstd, "gzip": archive.Gzip, "none": archive.None}
		report, err = write(ctx, name, folder, archive.Options{Compression: kinds[*compression], Level: *level, Readers: *readers, Workers: *workers})
	case "verify":
		report, err = archive.Verify(ctx, name, name+".index", archive.VerifyOptions{Workers: *workers})
	case "extract":
		report, err = archive.Extract(ctx, name, name+".index", folder, archive.ExtractOptions{Owners: os.Getuid() == 0, Workers: *workers})
	default:
		err = fmt.Errorf("there is no %s", args[0])
	}
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(report)
}

// readAll reads every byte with eight readers: what nobody can be faster than.
func readAll(folder string) error {
	names := make(chan string, 256)
	var g errgroup.Group
	for range 8 {
		g.Go(func() error {
			b := make([]byte, 256<<10)
			for name := range names {
				f, err := os.Open(name)
				if err != nil {
					return err
				}
				_, err = io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{f}, b)
				f.Close()
				if err != nil {
					return err
				}
			}
			return nil
		})
	}
	err := filepath.WalkDir(folder, func(path string, d os.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			names <- path
		}
		return err
	})
	close(names)
	return errors.Join(err, g.Wait())
}

func write(ctx context.Context, name, folder string, o archive.Options) (report archive.Report, err error) {
	a, err := os.Create(name)
	if err != nil {
		return report, err
	}
	defer a.Close()
	x, err := os.Create(name + ".index")
	if err != nil {
		return report, err
	}
	defer x.Close()
	return archive.Write(ctx, a, x, archive.Source{Root: folder}, o)
}
