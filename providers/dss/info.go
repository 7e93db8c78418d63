package dss

import (
	"context"
	"net/http"
)

// Info is what the instance says of itself. What it does not say is "".
type Info struct {
	NodeType string
	NodeID   string
	NodeName string
	Version  string
}

// Info asks for the version and the node. Not every version and node type answers
// with everything, or knows the call: the version then comes from the header that
// comes with each answer, or from the configuration that DSS gives to browsers.
func (a *API) Info(ctx context.Context) (Info, error) {
	var said struct {
		NodeType word `json:"nodeType"`
		NodeID   word `json:"nodeId"`
		NodeName word `json:"nodeName"`
		Version  word `json:"dssVersion"`
	}
	var header http.Header
	err := a.object(ctx, request{method: http.MethodGet, path: "/instance-info", timeout: apiTimeout, header: &header}, &said)
	if err != nil && !notFound(err) {
		return Info{}, err
	}
	info := Info{NodeType: string(said.NodeType), NodeID: string(said.NodeID), NodeName: string(said.NodeName)}
	for _, who := range []func() string{
		func() string { return string(said.Version) },
		func() string { return header.Get("DSS-Version") },
		func() string { return a.in.configuredVersion(ctx) },
	} {
		if v := who(); versionLike(v) {
			info.Version = v
			break
		}
	}
	return info, context.Cause(ctx)
}

// configuredVersion is the version that the configuration for browsers names; "" for
// none, also on an API node, which has no such configuration.
func (in *Instance) configuredVersion(ctx context.Context) string {
	ok, _, body := in.askReady(ctx)
	if !ok {
		return ""
	}
	var said struct {
		Version struct {
			Product string `json:"product_version"`
		} `json:"version"`
	}
	if members(body, &said) != nil {
		return ""
	}
	return said.Version.Product
}
