package main

import (
	"errors"
	"io"
	"net"
	"sync"
	"time"
)

// link is a network of some length: what one side writes the other reads a
// delay later. It stands between a server and whoever dials its address.
type link struct {
	listener net.Listener
	server   string
	delay    time.Duration

	mu    sync.Mutex
	conns []net.Conn // nil once it is closed
	tasks sync.WaitGroup
}

func newLink(server string, delay time.Duration) (*link, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	l := &link{listener: listener, server: server, delay: delay, conns: []net.Conn{}}
	l.tasks.Go(l.accept)
	return l, nil
}

func (l *link) addr() string { return l.listener.Addr().String() }

// close cuts all connections and waits for what carries them.
func (l *link) close() error {
	err := l.listener.Close()
	l.mu.Lock()
	for _, c := range l.conns {
		err = errors.Join(err, ignoreClosed(c.Close()))
	}
	l.conns = nil
	l.mu.Unlock()
	l.tasks.Wait()
	return err
}

func ignoreClosed(err error) error {
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

func (l *link) accept() {
	for {
		near, err := l.listener.Accept()
		if err != nil {
			return
		}
		far, err := net.Dial("tcp", l.server)
		if err != nil {
			near.Close()
			continue
		}
		if !l.keep(near, far) {
			return
		}
		l.tasks.Go(func() { l.carry(near, far) })
		l.tasks.Go(func() { l.carry(far, near) })
	}
}

// keep has close cut the connections, or cuts them itself after it.
func (l *link) keep(conns ...net.Conn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.conns == nil {
		for _, c := range conns {
			c.Close()
		}
		return false
	}
	l.conns = append(l.conns, conns...)
	return true
}

// parcel is on its way, until due.
type parcel struct {
	bytes []byte
	due   time.Time
}

// carry takes what from says to to, until one of them is closed.
func (l *link) carry(from io.ReadCloser, to io.WriteCloser) {
	way := make(chan parcel, 1024)
	l.tasks.Go(func() {
		broken := false
		for p := range way {
			<-time.After(time.Until(p.due))
			if _, err := to.Write(p.bytes); err != nil && !broken {
				broken = true
				from.Close()
			}
		}
		to.Close()
	})
	defer close(way)
	for {
		buffer := make([]byte, 16<<10)
		n, err := from.Read(buffer)
		if err != nil {
			return
		}
		way <- parcel{buffer[:n], time.Now().Add(l.delay)}
	}
}
