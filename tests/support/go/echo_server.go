// An echo server with the mistake that is named:
//
//	go run tests/support/go/echo_server.go MISTAKE PORT
package main

import (
	"bufio"
	"io"
	"net"
	"os"
)

var shared = make([]byte, 65536)

func main() {
	mistake := os.Args[1]
	listener, err := net.Listen("tcp", "127.0.0.1:"+os.Args[2])
	if err != nil {
		os.Exit(1)
	}
	for {
		conn, err := listener.Accept()
		if err != nil {
			continue
		}
		switch mistake {
		case "one-at-a-time":
			serve(conn, mistake)
		default:
			go serve(conn, mistake)
		}
	}
}

func serve(conn net.Conn, mistake string) {
	defer conn.Close()
	if mistake == "takes-bytes-for-runes" {
		buffer := make([]byte, 65536)
		for {
			n, err := conn.Read(buffer)
			if err != nil {
				return
			}
			if _, err := conn.Write([]byte(string([]rune(string(buffer[:n]))))); err != nil {
				return
			}
		}
	}
	if mistake == "shares-its-buffer" {
		for {
			n, err := conn.Read(shared)
			if err != nil {
				return
			}
			if _, err := conn.Write(shared[:n]); err != nil {
				return
			}
		}
	}
	if mistake == "flushes-at-the-end" {
		writer := bufio.NewWriter(conn)
		io.Copy(struct{ io.Writer }{writer}, conn)
		writer.Flush()
		return
	}
	if mistake == "panics-at-a-reset" {
		if _, err := io.Copy(conn, conn); err != nil {
			panic(err)
		}
		return
	}
	io.Copy(conn, conn)
}
