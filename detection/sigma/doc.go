// Package sigma is an engine for Sigma 2.1, the language in which detection
// engineers share rules.
//
// Documents are read with [Parse] or [Load]; whatever cannot be honoured exactly
// is an [Error] with a reason and a position, and the other documents stand.
// [Compile] turns rules into an immutable [Engine]; each goroutine evaluates
// events with a [Matcher] of its own, which does not allocate as long as nothing
// matches. [Evaluate] is the same meaning written down plainly: the engine is
// proven against it, and [Explain] is made from it.
//
// The package does no I/O besides reading the fs.FS it is given, has no clock
// and keeps no global state, so a replay gives the same matches.
//
// # Meaning
//
// Where the specification leaves a choice, this is ours. An event is a list of
// named scalar values; nested objects have dotted names, and a list is several
// values of one name, of which any may match. Strings compare without case by
// Unicode simple folding, unless cased; * and ? also cross newlines, and ? is one
// character (or one byte that is no UTF-8). Numbers are equal as numbers with 5, 5.0
// and "5"; a string in a rule is compared with the decimal text of a number. null
// holds where a field has no value or a JSON null, exists also where it is null.
// Keywords are substrings of any one value. neq holds where no value equals any
// alternative, so also where the field is absent. fieldref needs both fields. Time
// modifiers read RFC 3339 times in UTC; week is the ISO week. windash exchanges a
// dash where a flag can begin: after no word character and before one.
package sigma
