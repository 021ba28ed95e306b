package verdict

// Sentences of evidence. Their order is that in which a text is tried: those that take
// any text come last.
const (
	phraseBaseRate Phrase = iota
	phrasePrior
	phraseSecond
	phraseSize
	phraseNoAttackLanguage
	phraseNothingToJudge
	phraseNoContent
	phraseLinesOfSentences
	phraseSentences
	phraseLines
	phraseIdentifier
	phraseNeitherForm
	phraseNoRule
	phraseRulesScored
	phraseSignedIn
	phraseSessionIssued
	phraseSaysSignedIn
	phraseSaysSession
	phraseRetrySame
	phraseRetryChanged
	phraseSeldomFails
	phraseFailed
	phraseNothingThere
	phraseUnusualSize
	phraseClientBefore
	phraseClientRules
	phraseClientMisses
	phraseClientRate
	phraseClientQuiet
	phraseClientFound
	phraseUsualHere
	phraseUnusualHere
	phraseMostUsual
	phraseValuesBefore
	phraseRuleBefore
	phraseSternNothing
	phraseSternRules
	PhraseLogAlone
	PhraseSternNoEnd
	PhraseLabelsOfGroup
	PhraseClientSince
	phrasePlainAt
	phraseLanguages
	phraseFoundAt

	phrases = iota
)

// phraseTable has each sentence in both languages, the English one as a format. In
// the Chinese one every verb takes a text.
var phraseTable = [phrases]struct{ id, en, zh string }{
	phraseBaseRate:         {"base_rate", "base rate of the model and correction on held-out sources", "模型的基础比率，以及在留出来源上的校正"},
	phrasePrior:            {"prior", "%.3g %% of requests are taken to be attacks", "按 %s %% 的请求是攻击来估计"},
	phraseSecond:           {"second_value", "how suspicious the second worst value is", "第二可疑的值有多可疑"},
	phraseSize:             {"values", "%d values in the request; in much text something is always unusual", "请求中有 %s 个值；文本多时总有些不寻常之处"},
	phraseNoAttackLanguage: {"no_attack_language", "of no attack language", "不属于任何攻击语言"},
	phraseNothingToJudge:   {"nothing_to_judge", "nothing to judge", "没有可判断的内容"},
	phraseNoContent:        {"no_content", "no content", "没有内容"},
	phraseLinesOfSentences: {"lines_of_sentences", "several lines with sentences", "多行句子"},
	phraseSentences:        {"sentences", "sentences", "句子"},
	phraseLines:            {"lines", "several lines", "多行文本"},
	phraseIdentifier:       {"identifier", "an identifier", "一个标识符"},
	phraseNeitherForm:      {"neither_form", "neither sentences nor an identifier", "既不是句子也不是标识符"},
	phraseNoRule:           {"no_rule", "no rule scored", "没有规则计分"},
	phraseRulesScored:      {"rules_scored", "%d rules scored %d, gravest is %s", "%s 条规则计 %s 分，最严重的是%s"},
	phraseSignedIn:         {"signed_in", "signed in, in a session that the application gave out", "已登录，且会话由应用发出"},
	phraseSessionIssued:    {"session_issued", "in a session that the application gave out", "会话由应用发出"},
	phraseSaysSignedIn:     {"says_signed_in", "says it is signed in", "自称已登录"},
	phraseSaysSession:      {"says_session", "says it has a session", "自称有会话"},
	phraseRetrySame:        {"retry_same", "the client sends again what was blocked, unchanged", "客户端把被拦截的内容原样重发"},
	phraseRetryChanged:     {"retry_changed", "the client had the like blocked and sends it changed, %d times so far", "客户端同类请求曾被拦截，改动后重发，至今 %s 次"},
	phraseSeldomFails:      {"seldom_fails", "the application failed with %d, which it seldom does here", "应用以 %s 失败，此处很少如此"},
	phraseFailed:           {"failed", "the application failed with %d", "应用以 %s 失败"},
	phraseNothingThere:     {"nothing_there", "the application has nothing there", "应用在该处没有内容"},
	phraseUnusualSize:      {"unusual_size", "an answer of %d bytes, where %.0f are usual", "响应 %s 字节，通常为 %s 字节"},
	phraseClientBefore:     {"client_before", "of its last %.0f requests %.0f look like attacks", "其最近 %s 个请求中有 %s 个像攻击"},
	phraseClientRules:      {"client_rules", "its requests matched %d attack rules", "其请求命中 %s 条攻击规则"},
	phraseClientMisses:     {"client_misses", "%.0f %% of its requests found nothing", "其 %s %% 的请求未找到资源"},
	phraseClientRate:       {"client_rate", "about %.0f requests in the last minutes", "最近几分钟约 %s 个请求"},
	phraseClientQuiet:      {"client_quiet", "its last %.0f requests gave no reason to suspect it", "其最近 %s 个请求没有可疑之处"},
	phraseClientFound:      {"client_found", "%d rules over other logs found this client", "其他日志上的 %s 条规则发现了此客户端"},
	phraseUsualHere:        {"usual_here", "%s: signed-in people of %d among %d other networks send what looks as suspicious", "%[1]s：其他 %[3]s 个网络中，%[2]s 个网络的已登录用户发送同样可疑的内容"},
	phraseUnusualHere:      {"unusual_here", "%s: none of %d other networks sends the like", "%s：其他 %s 个网络都不发送类似内容"},
	phraseMostUsual:        {"most_usual", "the most suspicious value is usual, the next is not known", "最可疑的值是常见的，其次的未知"},
	phraseValuesBefore:     {"values_before", "%s: of %d earlier values %.0f %% look as suspicious, at the least usual time", "%[1]s：在最少见的时段，此前 %[2]s 个值中有 %[3]s %% 同样可疑"},
	phraseRuleBefore:       {"rule_before", "%s: %s matched %.0f %% of %d earlier values, at the least usual time", "%[1]s：在最少见的时段，此前 %[4]s 个值中有 %[3]s %% 命中%[2]s"},
	phraseSternNothing:     {"stern_nothing", "judged again at paranoia level 4: no rule that names an attack matches", "以偏执级别 4 重新判断：没有指认攻击的规则命中"},
	phraseSternRules:       {"stern_rules", "judged again at paranoia level 4: rules %s match, which were not in use", "以偏执级别 4 重新判断：命中当时未启用的规则 %s"},
	PhraseLogAlone:         {"log_alone", "judged by the log alone: without the body and most headers of the request", "仅凭日志判断：没有请求正文和大部分请求头"},
	PhraseSternNoEnd:       {"stern_no_end", "the rules of paranoia levels 2 to 4 came to no end", "偏执级别 2 至 4 的规则未能结束"},
	PhraseLabelsOfGroup:    {"labels_of_group", "of %d labelled decisions of this site, path, rule and variable %d were attacks; they count as %.1f", "此站点、路径、规则和变量的 %s 个已标注判定中有 %s 个是攻击；按 %s 计"},
	PhraseClientSince:      {"client_since", "%d other requests of this client on %d paths are surely attacks", "此客户端在 %[2]s 个路径上的另外 %[1]s 个请求肯定是攻击"},
	phrasePlainAt:          {"nothing_at", "%s: no grammar of an attack", "%s：没有攻击语法"},
	phraseLanguages:        {"languages", "of %s", "属于 %s"},
	phraseFoundAt:          {"found_at", "%s: %s", "%s：%s"},
}

// evidenceNames are the names of all evidence, in Chinese.
var evidenceNames = map[string]string{
	"content":         "内容",
	"second value":    "第二个值",
	"client data":     "客户端数据",
	"size":            "规模",
	"form":            "形式",
	"grammar":         "语法",
	"matched value":   "命中的值",
	"rules":           "规则",
	"history":         "历史",
	"calibration":     "校准",
	"prior":           "先验",
	"session":         "会话",
	"retry":           "重试",
	"answer":          "响应",
	"client before":   "客户端此前行为",
	"client's rules":  "客户端命中的规则",
	"client's misses": "客户端的未找到",
	"client's rate":   "客户端速率",
	"client found":    "客户端被发现",
	"parameter here":  "此处的参数",
	"partial":         "不完整",
	"analyst labels":  "分析员标注",
	"client since":    "客户端此后行为",
	"shadow rules":    "影子规则",
}
