// Package query holds the query language of DESIGN section 6: a filter in the
// manner of KQL, then pipes. [Parse] makes the one AST that every back end
// compiles; [Matcher], [Exec] and [Search] are its reference semantics, which a
// back end may use directly for whatever it does not do better itself.
//
// Strings are compared by simple Unicode case folding. A bare value equals the
// whole value; `*` is the only wildcard and quotes take its meaning away. A
// backslash takes the meaning from the punctuation or space behind it; before a
// letter or digit it is itself, so CORP\alice needs no escape. A value between
// slashes that holds a character of regular expressions other than `.` and `*`
// alone (one of \ ^ $ | ? + ( ) [ ] { } or .*) is one: `/adm(in|un)/`; `/admin/`
// is a path. A date stands for its whole day in UTC.
//
// How a back end runs a query:
//
//	q, err := query.Parse(text, now)
//	cond := q.Where()                  // filter and leading where; see TimeRange, Required
//	if q.IsAggregation() {
//		x := query.NewExec(q, budget)  // one a worker; columns: q.PipeFields()
//		x.Add(row), x.AddN(row, n)     // rows that match cond; newest first if q.Ordered()
//		x.Merge(other)                 // not if q.Ordered()
//		table, err := x.Result(ctx)
//	} else {
//		s := query.NewSearch(q, budget, emit)
//		more, err := s.Add(row, ref)   // rows that match cond, newest first
//		err = s.Close(ctx)             // emit(ref) was called for the answer in order
//	}
package query
