package lsp

import (
	"context"
	"fmt"
	"strings"
	"testing"
)

// BenchmarkCheck is a check of 1000 instances, as after each change.
func BenchmarkCheck(b *testing.B) {
	var src strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&src, "instance \"n%d\" {\n  data_dir  = \"/d/%d\"\n  node_type = \"design\"\n  port = %d\n  runtime_database \"postgresql\" {\n    host = \"pg\"\n  }\n  backup \"nightly\" {\n    destination = \"/b\"\n  }\n}\n\n", i, i, 2000+10*i)
	}
	s := &Server{opts: Options{Schema: testSchema()}, units: utf16Units}
	doc := &document{path: "/nonexistent/m.dss.hcl", text: newText(src.String()), outlines: &outlines{}}
	b.ReportAllocs()
	for b.Loop() {
		if got := s.check(context.Background(), "/nonexistent", map[string]*document{"m.dss.hcl": doc}); len(got) != 1 {
			b.Fatal(got)
		}
	}
}
