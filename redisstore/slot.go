package redisstore

import (
	"strings"

	"github.com/larderdev/larder/store"
)

// slotCount is how many slots a cluster has.
const slotCount = 16384

// slot is the slot of a cluster in which both keys of key lie, or the sequence
// and all tags: the CRC16 of what stands in their first pair of braces. See
// keyspace.
func slot(key string) int {
	var crc uint16
	if strings.HasPrefix(key, store.Sequence) {
		key = store.Sequence
	}
	if special(key) {
		crc = crc16(crc, "{")
	}
	if end := strings.IndexByte(key, '}'); end >= 0 {
		key = key[:end]
	}
	return int(crc16(crc, key)) % slotCount
}

// crc16 continues the CRC16 of Redis (XMODEM: polynomial 0x1021, from 0) with
// more text.
func crc16(crc uint16, text string) uint16 {
	for i := range len(text) {
		crc = crc<<8 ^ crcTable[byte(crc>>8)^text[i]]
	}
	return crc
}

// crcTable has the CRC16 of every byte. It is a constant.
var crcTable = func() (table [256]uint16) {
	for i := range table {
		crc := uint16(i) << 8
		for range 8 {
			if crc&0x8000 != 0 {
				crc = crc<<1 ^ 0x1021
			} else {
				crc <<= 1
			}
		}
		table[i] = crc
	}
	return table
}()
