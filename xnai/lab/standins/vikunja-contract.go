// Keeps the outer contract of Vikunja's image, and is no Vikunja: no tasks, no pages, nobody can
// log in. What it does, and how it fails, was written from docs/vikunja.md.
package main

import (
	"bufio"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log"
	"math/rand"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
	_ "time/tzdata"
	"unsafe"

	_ "github.com/lib/pq"
)

const timeout = 5 * time.Second

// The program's own migrations take 3 s of a fast machine; these a second or two, at random.
const stepAtMost = 250 * time.Millisecond

// What each migration does; there is no IF NOT EXISTS in the program's own ones either.
var migrations = []string{
	"CREATE TABLE stand_in_start (at timestamptz NOT NULL)",
	"CREATE TABLE users (id serial, username text, email text, password text)",
	"CREATE TABLE sessions (id serial, user_id int, token text)",
	"CREATE TABLE tasks (id serial, title text)",
	"ALTER TABLE tasks ADD COLUMN done boolean",
	"CREATE UNIQUE INDEX users_username ON users (username)",
	"CREATE TABLE projects (id serial, title text)",
	"ALTER TABLE tasks ADD COLUMN project_id int",
	"ALTER TABLE projects ADD COLUMN owner_id int",
	"CREATE INDEX tasks_project ON tasks (project_id)",
}

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
	db, err := sql.Open("postgres", words)
	if err == nil {
		most, _ := strconv.Atoi(setting("DATABASE_MAXOPENCONNECTIONS", "100"))
		db.SetMaxOpenConns(most)
	}
	return db, err
}

// migrate does what is not noted as done, without a lock, as the program does: two at once end
// with an error or a damaged schema. That there were two is noted, for tests.
func migrate(db *sql.DB, command string) error {
	ctx := context.Background()
	line, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer line.Close()
	// Its only use is the note: nothing waits for it.
	var alone bool
	if err := line.QueryRowContext(ctx, "SELECT pg_try_advisory_lock(3456)").Scan(&alone); err != nil {
		return err
	}
	if alone {
		// Closing the line only gives it back to the pool, with its lock.
		defer func() { _, _ = line.ExecContext(ctx, "SELECT pg_advisory_unlock(3456)") }()
	}
	for _, text := range []string{
		"CREATE TABLE IF NOT EXISTS stand_in_overlap (at timestamptz, command text)",
		"CREATE TABLE IF NOT EXISTS migration (id int)",
	} {
		if _, err := line.ExecContext(ctx, text); err != nil {
			return err
		}
	}
	if !alone {
		log.Printf("%s migrates while another process does", command)
		_, err := db.Exec("INSERT INTO stand_in_overlap VALUES (now(), $1)", command)
		if err != nil {
			return err
		}
	}
	for id, text := range migrations {
		var done int
		err := db.QueryRow("SELECT count(*) FROM migration WHERE id = $1", id).Scan(&done)
		if err != nil || done > 0 {
			if err != nil {
				return err
			}
			continue
		}
		time.Sleep(time.Duration(rand.Int63n(int64(stepAtMost))))
		if _, err := db.Exec(text); err != nil {
			return err
		}
		if _, err := db.Exec("INSERT INTO migration VALUES ($1)", id); err != nil {
			return err
		}
		if diesAfter(db, id) {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		}
	}
	return nil
}

// diesAfter tells whether a test wants this program to be killed once, after a migration: by a
// table with its number, which goes with that.
func diesAfter(db *sql.DB, id int) bool {
	wanted := sql.NullString{}
	at := 0
	err := db.QueryRow("SELECT to_regclass('stand_in_dies_after')").Scan(&wanted)
	if err != nil || !wanted.Valid {
		return false
	}
	if db.QueryRow("SELECT id FROM stand_in_dies_after").Scan(&at) != nil || at > id {
		return false
	}
	_, err = db.Exec("DROP TABLE stand_in_dies_after")
	return err == nil
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

// prepare does what the server and most commands of Vikunja do first; what is wrong ends the
// program.
func prepare(command string) *sql.DB {
	readFiles()
	if _, err := time.LoadLocation(setting("SERVICE_TIMEZONE", "GMT")); err != nil {
		log.Fatalf("Error parsing time zone: %v", err)
	}
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
		err = db.Ping()
	}
	if err != nil {
		log.Fatalf("Could not connect to db: %v", err)
	}
	if err := migrate(db, command); err != nil {
		log.Fatalf("Migration failed: %v", err)
	}
	return db
}

// doctor looks at all that the server needs, and changes nothing.
func doctor() error {
	readFiles()
	db, err := database()
	if err == nil {
		err = db.Ping()
	}
	return errors.Join(err, pingRedis(), checkFiles())
}

// terminal reads a terminal's modes, or sets them.
func terminal(request uintptr, modes *syscall.Termios) error {
	_, _, failed := syscall.Syscall(
		syscall.SYS_IOCTL, os.Stdin.Fd(), request, uintptr(unsafe.Pointer(modes)),
	)
	if failed != 0 {
		return failed
	}
	return nil
}

// password asks on the terminal, which must be one.
func password(answers *bufio.Reader, question string) string {
	fmt.Print(question)
	var before syscall.Termios
	if err := terminal(syscall.TCGETS, &before); err != nil {
		log.Fatalf("Error reading password: %v", err)
	}
	silent := before
	silent.Lflag &^= syscall.ECHO
	_ = terminal(syscall.TCSETS, &silent)
	defer func() { _ = terminal(syscall.TCSETS, &before) }()
	line, err := answers.ReadString('\n')
	if err != nil {
		log.Fatalf("Error reading password: %v", err)
	}
	return strings.TrimSpace(line)
}

// createUser makes an account that nobody can log in with.
func createUser(words []string) {
	flags := flag.NewFlagSet("user create", flag.ExitOnError)
	name := flags.String("username", "", "of the account")
	email := flags.String("email", "", "of the account")
	_ = flags.Parse(words)
	db := prepare("user create")
	answers := bufio.NewReader(os.Stdin)
	secret := password(answers, "Enter Password: ")
	// As the program does: two different ones are told, and the first one is taken.
	if again := password(answers, "\nConfirm Password: "); again != secret {
		log.Print("Passwords don't match!")
	}
	fmt.Println()
	if len(*name) < 3 || !strings.Contains(*email, "@") || len(secret) > 72 {
		log.Fatal("Error creating new user: name, email or password is not allowed")
	}
	_, err := db.Exec(
		"INSERT INTO users (username, email, password) VALUES ($1, $2, $3)",
		*name, *email, fmt.Sprintf("%x", sha256.Sum256([]byte(secret))),
	)
	if err != nil {
		log.Fatalf("Error creating new user: %v", err)
	}
	fmt.Println("\nUser was created successfully.")
}

func serve(db *sql.DB) {
	if _, err := db.Exec("INSERT INTO stand_in_start VALUES (now())"); err != nil {
		log.Fatalf("database: %v", err)
	}
	http.HandleFunc("/health", func(answer http.ResponseWriter, _ *http.Request) {
		// A request that opens a session with the database ends the program where there is none.
		if err := db.Ping(); err != nil {
			log.Fatalf("Failed to begin database transaction: %v", err)
		}
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
	// Something is due every minute, and asks the database.
	go func() {
		for range time.Tick(time.Minute) {
			if err := db.Ping(); err != nil {
				log.Fatalf("Failed to begin database transaction: %v", err)
			}
		}
	}()
	// SIGTERM ends it at once, as it does with the program.
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, os.Interrupt)
	go func() {
		log.Printf("a stand-in for Vikunja, without its functions, listens on %s", server.Addr)
		if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
			log.Fatal(err)
		}
	}()
	<-ended
	log.Print("Shutting down...")
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
		serve(prepare(command))
	case "migrate":
		prepare(command)
	case "healthcheck":
		if err := check(prepare(command)); err != nil {
			fmt.Println("not healthy:", err)
			os.Exit(1)
		}
		fmt.Println("healthy")
	case "doctor":
		if err := doctor(); err != nil {
			fmt.Println(err)
			fmt.Println("1 check(s) failed")
			os.Exit(1)
		}
		fmt.Println("All checks passed")
	case "user":
		if len(os.Args) < 3 || os.Args[2] != "create" {
			log.Fatal("this stand-in for Vikunja knows `user create` alone")
		}
		createUser(os.Args[3:])
	default:
		fmt.Fprintf(os.Stderr, "this stand-in for Vikunja has no command %q\n", command)
		os.Exit(1)
	}
}
