package verdict

// shape is something that tokenisers of attack languages find in a value. Each
// is one input of the value model, so its weight is learned, not set.
type shape uint8

const (
	sqlUnion shape = iota
	sqlSelect
	sqlTautology
	sqlBreakout
	sqlTail
	sqlStacked
	sqlDelayCall
	sqlMetadata
	sqlCall
	sqlGlue
	sqlHexText
	sqlOrderBy
	sqlSubquery
	sqlDense
	sqlOddQuotes
	sqlConcat
	mixedCase
	shellChain
	shellArgument
	shellSubstitution
	shellRedirect
	shellSplit
	shellWindows
	shellOnly
	pathClimb
	pathClimbFar
	pathSecret
	pathWrapper
	pathNull
	pathAbsolute
	pathOdd
	markupActive
	markupHandler
	markupURL
	markupBreakout
	markupPlain
	scriptSink
	scriptObject
	scriptObfuscated
	templateExpression
	templateObject
	templateMath
	templateJNDI
	templateTag
	phpOpen
	phpFunction
	phpVariable
	ldapFilter
	xpathFilter
	xmlDoctype
	xmlEntity
	xmlExternal
	xmlInclude
	urlInternal
	urlScheme
	urlOdd
	urlForeign
	urlCallback
	lineHeader
	lineMail
	serialJava
	serialPHP
	serialOther
	noSQLOperator
	includeDirective
	graphIntrospection
	uploadCode
	uploadName
	javaCall
	prototypeName
	scannerWord
	probeMarks
	probeName
	quoteStray
	decodeLayers
	decodeOdd
	encodedText
	proseText
	codeText
	opaqueText
	longText
	markupBare
	documentText
	sqlWhole
	shapes
)

// shapeInfo describes a shape for people: the language it belongs to and what
// was found.
type shapeInfo struct {
	language language
	words    string
}

// language groups shapes in the request model.
type language uint8

const (
	langSQL language = iota
	langShell
	langPath
	langMarkup
	langScript
	langTemplate
	langPHP
	langQuery // LDAP, XPath, NoSQL, GraphQL
	langXML
	langURL
	langHeader
	langSerial
	langUpload
	langTool
	langEncoding
	langBenign
	languages
)

var languageNames = [languages]string{
	"SQL", "shell", "path", "markup", "script", "template", "PHP", "query", "XML", "URL", "header",
	"serialised object", "upload", "tool", "encoding", "plain content",
}

var shapeTable = [shapes]shapeInfo{
	sqlUnion:           {langSQL, "UNION that appends a SELECT"},
	sqlSelect:          {langSQL, "SELECT with a list and a FROM"},
	sqlTautology:       {langSQL, "condition between constants"},
	sqlBreakout:        {langSQL, "quote that ends a string and goes on in SQL"},
	sqlTail:            {langSQL, "comment that cuts off the rest of a statement"},
	sqlStacked:         {langSQL, "second statement after a semicolon"},
	sqlDelayCall:       {langSQL, "call that delays the database"},
	sqlMetadata:        {langSQL, "names of the database's catalogue"},
	sqlCall:            {langSQL, "call of an SQL function"},
	sqlGlue:            {langSQL, "comments in place of spaces"},
	sqlHexText:         {langSQL, "text written as a hexadecimal number"},
	sqlOrderBy:         {langSQL, "ORDER BY, HAVING or LIMIT with constants"},
	sqlSubquery:        {langSQL, "SELECT in parentheses"},
	sqlDense:           {langSQL, "mostly SQL keywords"},
	sqlOddQuotes:       {langBenign, "unbalanced quotes, as in names"},
	sqlConcat:          {langSQL, "strings joined by operators"},
	mixedCase:          {langEncoding, "keywords in mixed case"},
	shellChain:         {langShell, "separator followed by a command"},
	shellArgument:      {langShell, "command with the arguments of an intruder"},
	shellSubstitution:  {langShell, "command substitution"},
	shellRedirect:      {langShell, "redirection of a command"},
	shellSplit:         {langShell, "command hidden by quotes, variables or wildcards"},
	shellWindows:       {langShell, "Windows command interpreter"},
	shellOnly:          {langShell, "nothing but a command"},
	pathClimb:          {langPath, "steps out of a directory"},
	pathClimbFar:       {langPath, "many steps out of a directory"},
	pathSecret:         {langPath, "name of a sensitive file"},
	pathWrapper:        {langPath, "stream wrapper"},
	pathNull:           {langPath, "null byte"},
	pathAbsolute:       {langPath, "absolute path of a system file"},
	pathOdd:            {langPath, "path written to pass a filter"},
	markupActive:       {langMarkup, "element that runs or loads something"},
	markupHandler:      {langMarkup, "event handler attribute"},
	markupURL:          {langMarkup, "script in a URL"},
	markupBreakout:     {langMarkup, "quote that leaves an attribute"},
	markupPlain:        {langBenign, "plain formatting"},
	scriptSink:         {langScript, "call that runs or shows script"},
	scriptObject:       {langScript, "access to the page's objects"},
	scriptObfuscated:   {langScript, "obfuscated script"},
	templateExpression: {langTemplate, "template expression"},
	templateObject:     {langTemplate, "template expression that reaches for objects"},
	templateMath:       {langTemplate, "template expression that computes a constant"},
	templateJNDI:       {langTemplate, "JNDI lookup"},
	templateTag:        {langTemplate, "template tag"},
	phpOpen:            {langPHP, "PHP code"},
	phpFunction:        {langPHP, "call of a dangerous PHP function"},
	phpVariable:        {langPHP, "PHP superglobal"},
	ldapFilter:         {langQuery, "parentheses of an LDAP filter"},
	xpathFilter:        {langQuery, "XPath expression"},
	xmlDoctype:         {langXML, "document type"},
	xmlEntity:          {langXML, "entity declaration"},
	xmlExternal:        {langXML, "external entity"},
	xmlInclude:         {langXML, "XML inclusion"},
	urlInternal:        {langURL, "address of an internal host"},
	urlScheme:          {langURL, "URL scheme that servers should not fetch"},
	urlOdd:             {langURL, "URL written to mislead"},
	urlForeign:         {langURL, "URL of another site as a target"},
	urlCallback:        {langURL, "host that records call-backs"},
	lineHeader:         {langHeader, "line break followed by a header"},
	lineMail:           {langHeader, "line break followed by a mail header"},
	serialJava:         {langSerial, "serialised Java object"},
	serialPHP:          {langSerial, "serialised PHP object"},
	serialOther:        {langSerial, "serialised object of another kind"},
	noSQLOperator:      {langQuery, "operator of a document database"},
	includeDirective:   {langUpload, "server-side include"},
	graphIntrospection: {langQuery, "introspection of a GraphQL schema"},
	uploadCode:         {langUpload, "code in an uploaded file"},
	uploadName:         {langUpload, "uploaded file with the name of a program"},
	javaCall:           {langTemplate, "Java classes that run commands"},
	prototypeName:      {langScript, "pollution of object prototypes"},
	scannerWord:        {langTool, "name of a scanner"},
	probeMarks:         {langTool, "marks that end strings of several languages"},
	probeName:          {langTool, "name that no program gives"},
	quoteStray:         {langTool, "stray quote at the end"},
	decodeLayers:       {langEncoding, "several layers of encoding"},
	decodeOdd:          {langEncoding, "encoding that only filters are meant to miss"},
	encodedText:        {langEncoding, "text hidden in base64"},
	proseText:          {langBenign, "sentences"},
	codeText:           {langBenign, "several lines of code or text"},
	opaqueText:         {langBenign, "identifier or encoded data"},
	longText:           {langBenign, "long text"},
	markupBare:         {langBenign, "element that does nothing"},
	documentText:       {langBenign, "text in a markup for people"},
	sqlWhole:           {langBenign, "whole SQL statement, as tools for databases send"},
}

// findings are how often each shape was found in one leaf, capped at maxShape.
type findings [shapes]uint8

const maxShape = 3

func (f *findings) add(s shape) {
	if f[s] < maxShape {
		f[s]++
	}
}

// finder looks for the shapes of one leaf. It is reused.
type finder struct {
	s      []byte
	t      []token
	leaf   *leaf
	site   []byte // host of the request, to know own URLs
	found  findings
	counts [256]uint32 // of bytes
	pairs  [1 << pairBits / 64]uint64
}

// find fills found for a leaf whose tokens are t.
func (f *finder) find(l *leaf, t []token) {
	f.s, f.t, f.leaf = l.value, t, l
	f.found = findings{}
	f.counts = [256]uint32{}
	for _, c := range f.s {
		f.counts[c]++
	}
	f.encoding()
	f.content()
	f.document()
	f.pair()
	if len(f.s) >= minBase64 {
		f.serial()
	}
	if f.plain() {
		return
	}
	f.sql()
	f.shell()
	f.path()
	f.markup()
	f.script()
	f.template()
	f.php()
	f.query()
	f.xml()
	f.url()
	f.lines()
	if len(f.s) < minBase64 {
		f.serial()
	}
	f.upload()
	f.probe()
	f.bareTag()
}

// has tells whether any of the bytes occurs.
func (f *finder) has(bytes string) bool {
	for i := range len(bytes) {
		if f.counts[bytes[i]] > 0 {
			return true
		}
	}
	return false
}

// plain tells that a value is one word or number, which no tokeniser has
// anything to say about.
func (f *finder) plain() bool {
	if len(f.t) > 1 || len(f.s) == 0 {
		return false
	}
	if len(f.t) == 0 {
		return true
	}
	t := &f.t[0]
	return t.vocab == 0 && t.kind <= kNumber && (t.id != idWordDigits || len(f.s) < 8)
}

// at returns a token by index, an empty one beyond the ends.
func (f *finder) at(i int) *token {
	if i < 0 || i >= len(f.t) {
		return &none
	}
	return &f.t[i]
}

// none is what stands beyond the tokens. It is only read.
var none = token{kind: kControl, id: 0, start: 0, end: 0}

// call tells whether the word at i is followed by an opening parenthesis.
func (f *finder) call(i int) bool { return f.at(i + 1).is('(') }

// follows tells whether the bytes of the value at i are these, in any case.
func (f *finder) follows(i int, lower string) bool {
	if i+len(lower) > len(f.s) {
		return false
	}
	for j := range len(lower) {
		c := f.s[i+j]
		if c >= 'A' && c <= 'Z' {
			c += 32
		}
		if c != lower[j] {
			return false
		}
	}
	return true
}

// pairBits is the size of the set of pairs of bytes, which tells at once that
// most texts looked for cannot occur.
const pairBits = 12

func pairOf(a, b byte) uint32 {
	return (uint32(a)*0x9e37 ^ uint32(b)*0x85eb>>1) & (1<<pairBits - 1)
}

// lowerByte maps ASCII capitals to small letters.
func lowerByte(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		return c + 32
	}
	return c
}

// maxSearched is how much of a value is searched for texts.
const maxSearched = 16 << 10

// pair fills the set of pairs of bytes that the value holds.
func (f *finder) pair() {
	f.pairs = [1 << pairBits / 64]uint64{}
	s := f.s[:min(len(f.s), maxSearched)]
	if len(s) == 0 {
		return
	}
	before := lowerByte(s[0])
	for _, c := range s[1:] {
		c = lowerByte(c)
		k := pairOf(before, c)
		f.pairs[k/64] |= 1 << (k % 64)
		before = c
	}
}

// contains searches the head of the value without regard to case.
func (f *finder) contains(lower string) bool { return f.index(lower) >= 0 }

func (f *finder) index(lower string) int {
	end := min(len(f.s), maxSearched) - len(lower)
	if end < 0 {
		return -1
	}
	for i := 1; i < len(lower); i++ {
		if k := pairOf(lower[i-1], lower[i]); f.pairs[k/64]&(1<<(k%64)) == 0 {
			return -1
		}
	}
	first := lower[0]
	for i := 0; i <= end; i++ {
		if lowerByte(f.s[i]) == first && f.follows(i, lower) {
			return i
		}
	}
	return -1
}
