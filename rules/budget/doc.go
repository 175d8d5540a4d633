// Package budget bounds what evaluating HCL makes, and how long it takes.
//
// HCL evaluates an expression to its end, whatever that takes: a loop within a
// loop cannot be interrupted, and a function makes what it is asked for. So the
// places where little text makes much are guarded before they run: functions by
// what their arguments let expect, loops by the number of their rounds. Every
// value that is made is measured, and all of them share one budget.
package budget
