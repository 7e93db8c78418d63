// Package lsp is the language server of estates: it tells an editor what is
// wrong with the files as they are being written, completes, explains, finds
// and formats. It speaks the Language Server Protocol over two streams, knows
// the language, and nothing of the live world: no command runs, no file outside
// of the estates' folders is read, and no value is evaluated into an answer.
//
// Two views of the text serve it. Diagnostics come from config.Load, of what is
// in the editor and on disk together. All else comes from an outline made of
// tokens (outline.go), which does not mind a file that is half written.
package lsp
