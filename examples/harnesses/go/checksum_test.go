// Package checksum measures FNV-1a over as many KiB as the file `size` says.
package checksum

import (
	"hash/fnv"
	"os"
	"strconv"
	"strings"
	"testing"
)

func BenchmarkChecksum(b *testing.B) {
	text, err := os.ReadFile("../size")
	if err != nil {
		b.Fatal(err)
	}
	size, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		b.Fatal(err)
	}
	data := make([]byte, size*1024)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	b.ResetTimer()
	for i := 0; i < b.N; i++ {
		for j := 0; j < 50; j++ {
			hash := fnv.New64a()
			hash.Write(data)
		}
	}
}
