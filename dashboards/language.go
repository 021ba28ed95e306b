package dashboards

import (
	"fmt"
	"strings"
)

// Language is one that charts and reports are written in.
type Language string

// The languages.
const (
	English Language = "en"
	Chinese Language = "zh-CN"
)

// ParseLanguage reads a language tag; "" is English.
func ParseLanguage(tag string) (Language, error) {
	switch strings.ToLower(tag) {
	case "", "en":
		return English, nil
	case "zh-cn", "zh":
		return Chinese, nil
	}
	return "", fmt.Errorf("language %.20q is not known: en or zh-CN", tag)
}

// words are all texts of the charts. Both languages have the same keys.
var words = map[Language]map[string]string{
	English: {
		"traffic":        "Requests over time",
		"blocked":        "Blocked",
		"allowed":        "Allowed",
		"requests":       "requests",
		"rules":          "Rules that blocked most",
		"attackers":      "Clients blocked most",
		"targets":        "Paths blocked most",
		"rates":          "How often the WAF is wrong",
		"false_positive": "False positives",
		"missed":         "Missed attacks",
		"false_share":    "False share of blocks",
		"interval":       "95 % interval",
		"estimate":       "Estimate",
		"status":         "Answers over time",
		"status.none":    "no answer",
		"upstreams":      "Answers by site",
		"whatif":         "What would be blocked at other thresholds",
		"whatif.level":   "Paranoia level",
		"whatif.axis":    "anomaly threshold",
		"whatif.now":     "in use",
		"percent":        "%",
		"arcs":           "Where blocked requests came from",
		"unknown":        "unknown",
	},
	Chinese: {
		"traffic":        "请求趋势",
		"blocked":        "拦截",
		"allowed":        "放行",
		"requests":       "次请求",
		"rules":          "拦截最多的规则",
		"attackers":      "拦截最多的客户端",
		"targets":        "拦截最多的路径",
		"rates":          "WAF 判断的错误率",
		"false_positive": "误报率",
		"missed":         "漏报率",
		"false_share":    "拦截中的误报占比",
		"interval":       "95 % 区间",
		"estimate":       "估计值",
		"status":         "应答趋势",
		"status.none":    "无应答",
		"upstreams":      "各站点的应答",
		"whatif":         "换一个阈值会拦截多少",
		"whatif.level":   "偏执级别",
		"whatif.axis":    "异常分阈值",
		"whatif.now":     "当前",
		"percent":        "%",
		"arcs":           "被拦截请求的来源",
		"unknown":        "未知",
	},
}
