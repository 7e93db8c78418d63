module github.com/dssctl/dssctl

go 1.26.8
