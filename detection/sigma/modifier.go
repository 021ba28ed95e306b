package sigma

// Modifier changes what the values of an item mean.
type Modifier uint8

// The modifiers of the specification.
const (
	ModContains Modifier = iota + 1
	ModStartsWith
	ModEndsWith
	ModAll
	ModCased
	ModWindash
	ModWide    // also utf16le
	ModUTF16BE // big endian
	ModUTF16   // little endian with a byte order mark
	ModBase64
	ModBase64Offset
	ModRe
	ModReI
	ModReM
	ModReS
	ModCIDR
	ModExists
	ModExpand
	ModFieldRef
	ModLT
	ModLTE
	ModGT
	ModGTE
	ModNEQ
	ModMinute
	ModHour
	ModDay
	ModWeek
	ModMonth
	ModYear
)

var modifierNames = map[string]Modifier{
	"contains": ModContains, "startswith": ModStartsWith, "endswith": ModEndsWith,
	"all": ModAll, "cased": ModCased, "windash": ModWindash,
	"wide": ModWide, "utf16le": ModWide, "utf16be": ModUTF16BE, "utf16": ModUTF16,
	"base64": ModBase64, "base64offset": ModBase64Offset,
	"re": ModRe, "i": ModReI, "ignorecase": ModReI, "m": ModReM, "multiline": ModReM, "s": ModReS, "dotall": ModReS,
	"cidr": ModCIDR, "exists": ModExists, "expand": ModExpand, "fieldref": ModFieldRef,
	"lt": ModLT, "lte": ModLTE, "gt": ModGT, "gte": ModGTE, "neq": ModNEQ,
	"minute": ModMinute, "hour": ModHour, "day": ModDay, "week": ModWeek, "month": ModMonth, "year": ModYear,
}

// String returns the name of the modifier, the first where it has several.
func (m Modifier) String() string {
	name := ""
	for n, x := range modifierNames {
		if x == m && (name == "" || m == ModWide && n == "wide" || len(n) < len(name) && m != ModWide) {
			name = n
		}
	}
	return name
}
