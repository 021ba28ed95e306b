package dashboards

// colours are those of the console (web/src/tokens.css) on one ground.
type colours struct {
	surface, line, text2, text3  string
	blocked, allowed, fp, missed string
	series                       []string // further series, in order
}

var (
	light = colours{
		surface: "#FFFFFF", line: "#E3E7ED", text2: "#465162", text3: "#626D7E",
		blocked: "#A81C24", allowed: "#0B766A", fp: "#8F6600", missed: "#8234BA",
		series: []string{"#3A6EA5", "#957400", "#0B766A", "#8234BA", "#A03F06"},
	}
	dark = colours{
		surface: "#10141B", line: "#1F2732", text2: "#AAB4C3", text3: "#818D9F",
		blocked: "#F4735A", allowed: "#4DB6A6", fp: "#E6B450", missed: "#C792F2",
		series: []string{"#6EA8E0", "#D9B94A", "#4DB6A6", "#C792F2", "#F0924C"},
	}
)
