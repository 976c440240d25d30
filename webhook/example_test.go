package webhook_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/neomultitenant/neoevents/webhook"
)

// Send a webhook while its secret changes: it is signed with both. Receivers of this endpoint look
// for the signature in a header of another name.
func ExampleSign() {
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		fmt.Println(r.Header.Get("Webhook-Id"), r.Header.Get("Webhook-Timestamp"))
		for _, signature := range strings.Fields(r.Header.Get("X-Webhook-Signature")) {
			fmt.Println(signature)
		}
	}))
	defer receiver.Close()
	const current, previous = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"

	body := []byte(`{"test": 2432232314}`)
	at := time.Unix(1614265330, 0) // a sender has time.Now(), for each attempt anew
	header, err := webhook.Sign("msg_p5jXN8AQM9LWM0D4loKWxJek", at, body, current, previous)
	if err != nil {
		log.Fatal(err)
	}
	request, err := http.NewRequest(http.MethodPost, receiver.URL, bytes.NewReader(body))
	if err != nil {
		log.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	maps.Copy(request.Header, header)
	request.Header.Set("X-Webhook-Signature", header.Get(webhook.HeaderSignature))
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		log.Fatal(err)
	}
	defer response.Body.Close()
	fmt.Println(response.Status)
	// Output:
	// msg_p5jXN8AQM9LWM0D4loKWxJek 1614265330
	// v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=
	// v1,78nXHjpFP0tVJQW5D0SBwmVyyW87BV/rL6MgfM/Bw44=
	// 200 OK
}

// Receive webhooks: verify the bytes as they came, and only then look into them.
func ExampleVerify() {
	secret := webhook.NewSecret() // a receiver has it from the sender
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
		if err != nil {
			http.Error(w, "can't read the body", http.StatusBadRequest)
			return
		}
		err = webhook.Verify(r.Header, body, time.Now(), secret)
		switch {
		case errors.Is(err, webhook.ErrSecret):
			log.Print(err) // the configuration is wrong
			http.Error(w, "not now", http.StatusInternalServerError)
			return
		case err != nil:
			http.Error(w, err.Error(), http.StatusUnauthorized)
			return
		}
		// An app stores the id with what it does, and does nothing if it is there already.
		fmt.Printf("%s: %s\n", r.Header.Get(webhook.HeaderID), body)
		w.WriteHeader(http.StatusNoContent)
	})

	body := `{"type":"order.placed"}`
	header, err := webhook.Sign("msg_1", time.Now(), []byte(body), secret)
	if err != nil {
		log.Fatal(err)
	}
	for _, sent := range []string{body, `{"type":"order.cancelled"}`} {
		request := httptest.NewRequest(http.MethodPost, "/webhooks", strings.NewReader(sent))
		maps.Copy(request.Header, header)
		response := httptest.NewRecorder()
		handler.ServeHTTP(response, request)
		fmt.Println(response.Code, http.StatusText(response.Code))
	}
	// Output:
	// msg_1: {"type":"order.placed"}
	// 204 No Content
	// 401 Unauthorized
}
