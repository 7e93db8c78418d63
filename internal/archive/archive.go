// Package archive keeps a tree of files in one tar stream, and takes it out
// again, whole or in parts. It knows nothing of DSS, plans or backup sets.
//
// The archive is an ordinary tar: `tar --zstd -xf` or `tar -xzf` restores it
// without this program, with --xattrs --acls also all attributes. It is cut into
// blocks of a few MiB, and each is a zstd frame (or gzip member) of its own, so
// that blocks are compressed and decompressed side by side, and a member is taken
// out without reading what stands before it.
//
// Beside it goes an index, JSON lines compressed with zstd: every member with its
// attributes, the SHA-256 of its content and where it begins, and every block with
// its place and checksum. What is read back is checked against it: a flipped bit
// is found, and named.
//
//	Write    a tree → archive and index      write.go, walk.go, reader.go, blocks.go
//	Verify   read all, compare all           verify.go
//	Extract  into an empty folder            extract.go, unpack.go, place.go
//	Open     one member's content            open.go
//	List     what the index says             index.go
//
// A tree is read by several readers ahead of the one that puts their results in
// order: where there are many small files, opening them takes longer than reading
// or compressing. Memory does not grow with the tree, but for the names of the
// folders on the way down and the files that have several names.
//
// What is read back may come from anybody: nothing outside the target is
// touched, sizes are bounded, and what is odd is refused rather than guessed.
package archive

import (
	"errors"
	"io/fs"
	"time"
)

// What errors can be asked for with errors.Is.
var (
	// ErrChanged: a file changed or vanished while it was read.
	ErrChanged = errors.New("changed while it was read")
	// ErrDamaged: the archive or its index is not what was written.
	ErrDamaged = errors.New("damaged")
	// ErrRefused: the archive asks for what is not safe or not allowed.
	ErrRefused = errors.New("refused")
)

// Decision is what to do with a file or folder.
type Decision int

// The decisions.
const (
	Keep      Decision = iota
	KeepEmpty          // the folder stays, what is in it does not
	Drop
	// Follow keeps a symbolic link to a file or folder as that file or folder,
	// with all that is in it, and a folder also where another file system is
	// mounted on it.
	Follow
)

// Source is the tree to be archived.
type Source struct {
	Root string
	// Decide is asked for each file and folder below Root, by its path from
	// there and its type (the bits of fs.ModeType), in the order of the archive
	// and never twice at a time. nil keeps all.
	Decide func(rel string, typ fs.FileMode) Decision
	// Tolerant says that files may change: what does is padded or cut to the
	// size it had at first, or left out when it is gone, and is in the report.
	// Otherwise that is an error.
	Tolerant bool
	// CrossDevices goes into file systems mounted inside; otherwise the folder
	// stays empty and is in the report.
	CrossDevices bool
}

// Compression of the blocks.
type Compression int

// The compressions.
const (
	Zstd Compression = iota
	Gzip
	None
)

// Options of Write. The zero value is what is fast.
type Options struct {
	Compression Compression
	// Level is 1 (fastest) … 4 (smallest) for Zstd, 1 … 9 for Gzip; 0 is 1 for
	// Zstd and 6 for Gzip.
	Level int
	// Readers is how many files are read at a time, Workers how many blocks are
	// compressed at a time; 0 is 8, and one for each processor.
	Readers, Workers int
	// Sync ends with the bytes on disk: both writers must have a method Sync, as
	// *os.File has.
	Sync bool
	// Progress is called now and then, and at the end, never twice at a time.
	Progress func(Progress)
}

// Progress is how far it has come.
type Progress struct {
	Members int64 // files, folders, links
	Bytes   int64 // of content
}

// Report sums up what was written, verified or extracted.
type Report struct {
	Files, Dirs, Links, HardLinks, Other int64 // Links are symbolic
	Bytes                                int64 // of the files' content, hard links not counted
	Raw, Stored                          int64 // size of the tar stream, and of the archive
	SHA256, IndexSHA256                  string
	// Followed are links that were kept as what they lead to, and folders with
	// another file system on them that were kept whole.
	Followed Notes
	// Changed while they were read: only in a tolerant Write, but for folders,
	// which are no error.
	Changed Notes
	// LeftOut is what is not in the archive (sockets, mounted file systems), or
	// could not be restored (owners without root, attributes), with the reason.
	LeftOut Notes
	// Special names device nodes.
	Special Notes
}

// Notes is a bounded list: all are counted, and the first hundred named.
type Notes struct {
	Total int64
	First []string
}

const mostNotes = 100

func (n *Notes) add(text string) {
	if n.Total++; len(n.First) < mostNotes {
		n.First = append(n.First, text)
	}
}

// Type of a member.
type Type string

// The types.
const (
	File     Type = "file"
	Dir      Type = "dir"
	Symlink  Type = "symlink"
	HardLink Type = "hardlink" // another name of a file that stands before it
	FIFO     Type = "fifo"
	Char     Type = "char"
	Block    Type = "block"
)

// Member is one file, folder or link of the archive.
type Member struct {
	Path         string // from the root, slashes between; "." is the root itself
	Type         Type
	Size         int64  // of the content, holes included
	Mode         uint32 // the twelve bits of permission
	ModTime      time.Time
	UID, GID     int
	User, Group  string
	Link         string // where a symlink leads, or the path that a hard link is another name of
	Major, Minor uint32 // of a device
	SHA256       string // of a file's content, hexadecimal
	// Where the member begins: the block's place in the archive, and how many
	// decompressed bytes stand before it in the block.
	Block, Skip int64
}

// Sums are what the archive and the index must have; "" is not compared.
type Sums struct {
	Archive, Index string // SHA-256, hexadecimal
}

// Limits bound what an archive may ask for; 0 is no bound.
type Limits struct {
	Members int64
	Bytes   int64 // of all files, holes included
	File    int64 // of one
}

// VerifyOptions of Verify.
type VerifyOptions struct {
	Sums     Sums
	Limits   Limits
	Workers  int // 0 is one for each processor
	Progress func(Progress)
}

// ExtractOptions of Extract.
type ExtractOptions struct {
	// Only says which members are wanted, by their path; nil is all. Folders
	// above them are made where they are missing, for the owner alone. It may be
	// asked more than once of a path.
	Only   func(rel string) bool
	Sums   Sums // of the archive only where all of it is read
	Limits Limits
	// Owners gives files to the accounts they had, by name where there is one of
	// that name, as tar does; that needs root. Otherwise all is the caller's.
	Owners bool
	// Devices makes device nodes, which are refused otherwise; that needs root.
	Devices bool
	// Sync ends with all on disk.
	Sync     bool
	Workers  int // decompressing at a time; 0 is one for each processor
	Writers  int // files written at a time; 0 is 8
	Progress func(Progress)
}
