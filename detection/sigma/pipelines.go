package sigma

import (
	"embed"
	"path"
	"strings"
)

//go:embed pipelines/*.yml
var shipped embed.FS

// ShippedPipelines returns the names of the pipelines that come with the package:
// from the fields of Sigma's taxonomies to those of ECS, as the parsers of
// Gatewatch make them.
func ShippedPipelines() []string {
	entries, err := shipped.ReadDir("pipelines")
	if err != nil {
		panic("sigma: " + err.Error())
	}
	var names []string
	for _, e := range entries {
		names = append(names, strings.TrimSuffix(e.Name(), ".yml"))
	}
	return names
}

// ShippedPipeline returns the YAML of a shipped pipeline.
func ShippedPipeline(name string) ([]byte, bool) {
	text, err := shipped.ReadFile(path.Join("pipelines", name+".yml"))
	return text, err == nil
}
