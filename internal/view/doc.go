// Package view turns plans, events and runs into text for people and into JSON
// for programs. It decides nothing: what is shown was decided elsewhere.
//
// The rules of the house:
//
//   - Standard output gets what the command was asked for: the plan, the lines
//     of a run and its summary, tables, JSON. Standard error gets what is said
//     about it: findings with their source lines, questions, the answer to a
//     Ctrl-C. JSON output has nothing but JSON in it.
//   - The callers hand in writers that a redactor watches over. Each Write is a
//     whole text, so that no secret is cut in two by it.
//   - No escape sequence without Style.Color, but for the live line, which is
//     drawn on terminals only. Color never carries a meaning alone.
//   - Without Style.Unicode everything that dssctl itself says is ASCII.
//   - Control characters in what others say (titles, values, errors) are
//     escaped: a value cannot draw on the terminal.
//   - Every size and time has its unit. What is not known is called so.
//   - Words are an administrator's: what happens, to what, for how long, and
//     how to get back. A line that asks for something names the command.
package view
