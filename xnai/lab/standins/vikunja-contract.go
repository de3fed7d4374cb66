// Keeps the outer contract of Vikunja's image, and is no Vikunja: no tasks, no accounts,
// no pages. What it does was written from docs/vikunja.md.
package main

import (
	"bufio"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	_ "github.com/lib/pq"
)

const timeout = 5 * time.Second

// setting reads VIKUNJA_<name>, or the file that VIKUNJA_<name>_FILE names.
func setting(name, fallback string) string {
	name = "VIKUNJA_" + name
	if path := os.Getenv(name + "_FILE"); path != "" {
		if !filepath.IsAbs(path) {
			path = filepath.Join(os.Getenv("VIKUNJA_SERVICE_ROOTPATH"), path)
		}
		text, err := os.ReadFile(path)
		if err != nil {
			log.Fatalf("%s_FILE: %v", name, err)
		}
		return strings.Trim(string(text), "\n")
	}
	if value := os.Getenv(name); value != "" {
		return value
	}
	return fallback
}

func isTrue(name, fallback string) bool {
	switch strings.ToLower(setting(name, fallback)) {
	case "1", "t", "true":
		return true
	}
	return false
}

// database opens PostgreSQL, the only kind that is known here.
func database() (*sql.DB, error) {
	if kind := setting("DATABASE_TYPE", "sqlite"); kind != "postgres" {
		return nil, fmt.Errorf("database.type is %q: this stand-in knows postgres alone", kind)
	}
	host, port := setting("DATABASE_HOST", "localhost"), "5432"
	if name, number, err := net.SplitHostPort(host); err == nil {
		host, port = name, number
	}
	quoted := strings.NewReplacer(`\`, `\\`, `'`, `\'`)
	words := ""
	for _, pair := range [][2]string{
		{"host", host}, {"port", port},
		{"user", setting("DATABASE_USER", "vikunja")},
		{"password", setting("DATABASE_PASSWORD", "")},
		{"dbname", setting("DATABASE_DATABASE", "vikunja")},
		{"sslmode", setting("DATABASE_SSLMODE", "disable")},
		{"connect_timeout", "5"},
	} {
		words += fmt.Sprintf("%s='%s' ", pair[0], quoted.Replace(pair[1]))
	}
	return sql.Open("postgres", words)
}

// pingRedis logs in where a password is set, and asks for an answer.
func pingRedis() error {
	if !isTrue("REDIS_ENABLED", "false") {
		return nil
	}
	line, err := net.DialTimeout("tcp", setting("REDIS_HOST", "localhost:6379"), timeout)
	if err != nil {
		return err
	}
	defer line.Close()
	_ = line.SetDeadline(time.Now().Add(timeout))
	answers := bufio.NewReader(line)
	commands := [][]string{{"PING"}}
	if password := setting("REDIS_PASSWORD", ""); password != "" {
		commands = [][]string{{"AUTH", password}, {"PING"}}
	}
	for _, command := range commands {
		fmt.Fprintf(line, "*%d\r\n", len(command))
		for _, word := range command {
			fmt.Fprintf(line, "$%d\r\n%s\r\n", len(word), word)
		}
		answer, err := answers.ReadString('\n')
		if err != nil {
			return err
		}
		if !strings.HasPrefix(answer, "+") {
			return errors.New("redis: " + strings.TrimSpace(answer))
		}
	}
	return nil
}

func check(db *sql.DB) error {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	if err := db.PingContext(ctx); err != nil {
		return err
	}
	return pingRedis()
}

// checkFiles makes and removes a file where attachments would go.
func checkFiles() error {
	folder := setting("FILES_BASEPATH", "files")
	if !filepath.IsAbs(folder) {
		folder = filepath.Join(setting("SERVICE_ROOTPATH", "."), folder)
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	file, err := os.CreateTemp(folder, ".stand-in-check-*")
	if err != nil {
		return err
	}
	return errors.Join(file.Close(), os.Remove(file.Name()))
}

// readFiles ends the program where a file that a variable names cannot be read, used or not.
func readFiles() {
	for _, pair := range os.Environ() {
		name, _, _ := strings.Cut(pair, "=")
		if strings.HasPrefix(name, "VIKUNJA_") && strings.HasSuffix(name, "_FILE") {
			setting(strings.TrimSuffix(strings.TrimPrefix(name, "VIKUNJA_"), "_FILE"), "")
		}
	}
}

// prepare does what every command of Vikunja does first; what is wrong ends the program.
func prepare() *sql.DB {
	readFiles()
	url := setting("SERVICE_PUBLICURL", "")
	if url == "" && isTrue("CORS_ENABLE", "true") {
		log.Fatal("service.publicurl is required while cors.enable is true")
	}
	if url != "" && !strings.HasPrefix(url, "http://") && !strings.HasPrefix(url, "https://") {
		log.Fatalf("service.publicurl has no http:// or https://: %s", url)
	}
	if err := checkFiles(); err != nil {
		log.Fatalf("files [uid=%d gid=%d]: %v", os.Getuid(), os.Getgid(), err)
	}
	if err := pingRedis(); err != nil {
		log.Fatal(err)
	}
	db, err := database()
	if err == nil {
		_, err = db.Exec("CREATE TABLE IF NOT EXISTS stand_in_start (at timestamptz NOT NULL)")
	}
	if err != nil {
		log.Fatalf("database: %v", err)
	}
	return db
}

func serve(db *sql.DB) {
	if _, err := db.Exec("INSERT INTO stand_in_start VALUES (now())"); err != nil {
		log.Fatalf("database: %v", err)
	}
	http.HandleFunc("/health", func(answer http.ResponseWriter, _ *http.Request) {
		if err := check(db); err != nil {
			log.Print(err)
			http.Error(answer, "Internal server error", http.StatusInternalServerError)
			return
		}
		fmt.Fprint(answer, "OK")
	})
	http.HandleFunc("/api/v1/info", func(answer http.ResponseWriter, _ *http.Request) {
		answer.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(answer).Encode(map[string]any{
			"version":              "stand-in",
			"registration_enabled": isTrue("SERVICE_ENABLEREGISTRATION", "true"),
		})
	})
	server := &http.Server{
		Addr:              setting("SERVICE_INTERFACE", ":3456"),
		ReadHeaderTimeout: timeout,
	}
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, syscall.SIGTERM, os.Interrupt)
	go func() {
		log.Printf("a stand-in for Vikunja, without its functions, listens on %s", server.Addr)
		if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
			log.Fatal(err)
		}
	}()
	<-ended
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	_ = server.Shutdown(ctx)
}

func main() {
	command := "web"
	if len(os.Args) > 1 {
		command = os.Args[1]
	}
	switch command {
	case "web":
		serve(prepare())
	case "healthcheck":
		if err := check(prepare()); err != nil {
			fmt.Println("not healthy:", err)
			os.Exit(1)
		}
		fmt.Println("healthy")
	default:
		fmt.Fprintf(os.Stderr, "this stand-in for Vikunja has no command %q\n", command)
		os.Exit(1)
	}
}
