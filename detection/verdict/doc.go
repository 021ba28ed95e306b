// Package verdict judges the decisions of a WAF: was a block a false positive,
// was an allowed request a missed attack? It gives each decision a calibrated
// probability that the request is an attack, with the evidence that moved it.
//
// A request is taken apart into leaves (the path, parameters, members of JSON,
// XML and multipart bodies, cookies, headers), each decoded as far as an
// application might decode it. The value model weighs the text of each leaf:
// character and token sequences, and the shapes that tokenisers of attack
// languages find in it. The request model weighs the worst leaf against the
// size of the request, what the rules of the WAF matched and where, and the
// usual content of the parameter where there is history. Its output is
// calibrated on sources it was not trained on (MODEL.md).
//
// The package is pure: no clock, no I/O, no goroutines. A score depends on the
// input, the model and the profile alone.
package verdict
