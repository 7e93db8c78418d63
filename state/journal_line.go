package state

import (
	"bytes"
	"encoding/json"
	"fmt"
	"hash/crc32"
)

// A line of a journal is {"crc":"xxxxxxxx","record":{…}} and a newline. The
// checksum is CRC-32C over the bytes of the record as they stand: a line that
// was torn by a crash or edited by hand is recognized.
const (
	lineHead   = `{"crc":"`
	lineMiddle = `","record":`
	lineTail   = "}\n"
	crcDigits  = 8
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func encodeLine(r Record) ([]byte, error) {
	raw, err := json.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("encode the journal record %q: %w", r.Type, err)
	}
	line := fmt.Appendf(nil, "%s%08x%s", lineHead, crc32.Checksum(raw, castagnoli), lineMiddle)
	return append(append(line, raw...), lineTail...), nil
}

// decodeLine reads a line without its newline.
func decodeLine(line []byte) (Record, error) {
	var r Record
	body, ok := bytes.CutPrefix(line, []byte(lineHead))
	if !ok || len(body) < crcDigits {
		return r, fmt.Errorf("not a journal line")
	}
	sum, body := string(body[:crcDigits]), body[crcDigits:]
	body, ok = bytes.CutPrefix(body, []byte(lineMiddle))
	if !ok || !bytes.HasSuffix(body, []byte("}")) {
		return r, fmt.Errorf("not a journal line")
	}
	raw := body[:len(body)-1]
	if found := fmt.Sprintf("%08x", crc32.Checksum(raw, castagnoli)); found != sum {
		return r, fmt.Errorf("the checksum is %s, expected %s", found, sum)
	}
	if err := json.Unmarshal(raw, &r); err != nil {
		return r, fmt.Errorf("the record has another shape than expected: %w", err)
	}
	return r, nil
}

// decodeJournal reads all whole records. size is how many bytes they take: what
// is behind them is a torn line, which a crash left before its Append returned.
func decodeJournal(path string, b []byte) (records []Record, size int, err error) {
	for n := 1; size < len(b); n++ {
		end := bytes.IndexByte(b[size:], '\n')
		if end < 0 {
			return records, size, nil
		}
		line := b[size : size+end]
		r, err := decodeLine(line)
		if err == nil && r.Seq != len(records)+1 {
			err = fmt.Errorf("its number is %d, expected %d: a line was removed or repeated", r.Seq, len(records)+1)
		}
		if err != nil {
			last := size+end+1 == len(b)
			// A crash can leave a last line with holes in it. One that is whole
			// JSON was edited.
			if last && !json.Valid(line) {
				return records, size, nil
			}
			return nil, 0, &FileError{
				Path: path, Found: fmt.Sprintf("line %d: %v", n, err),
				Advice: "It was changed by something other than dssctl: put a good copy back, or look at the instance, bring it in order by hand, and move the run's folder away",
			}
		}
		records = append(records, r)
		size += end + 1
	}
	return records, size, nil
}
