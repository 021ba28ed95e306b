package parse

func jsonFormat(s string) string { return "json" }
