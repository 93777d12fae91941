// What the Go SDK offers, used once each; a line per use that begins with "ok" or "FAIL".
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"github.com/dapr/durabletask-go/workflow"
	"github.com/dapr/go-sdk/client"
	"github.com/dapr/go-sdk/service/common"
	daprd "github.com/dapr/go-sdk/service/grpc"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

func check(name string, use func() error) {
	if err := use(); err != nil {
		fmt.Println("FAIL", name, err)
	} else {
		fmt.Println("ok", name)
	}
}

func same(got, wanted any) error {
	if fmt.Sprint(got) != fmt.Sprint(wanted) {
		return fmt.Errorf("%v is not %v", got, wanted)
	}
	return nil
}

// arrives waits for what a handler was given, and says how it differs.
func arrives(come chan string, wanted string) error {
	select {
	case got := <-come:
		return same(got, wanted)
	case <-time.After(8 * time.Second):
		return errors.New("nothing came")
	}
}

func serve(events, jobs, ticks chan string) {
	listener, err := net.Listen("tcp", "127.0.0.1:"+os.Getenv("APP_PORT"))
	if err != nil {
		panic(err)
	}
	app := daprd.NewServiceWithListener(listener)
	app.AddServiceInvocationHandler("echo", func(_ context.Context, in *common.InvocationEvent) (*common.Content, error) {
		return &common.Content{Data: append([]byte("heard "), in.Data...), ContentType: in.ContentType}, nil
	})
	orders := &common.Subscription{PubsubName: "pubsub", Topic: "orders"}
	app.AddTopicEventHandler(orders, func(_ context.Context, event *common.TopicEvent) (bool, error) {
		events <- fmt.Sprint(event.Data)
		return false, nil
	})
	app.AddBindingInvocationHandler("tick", func(context.Context, *common.BindingEvent) ([]byte, error) {
		ticks <- "tick"
		return nil, nil
	})
	app.AddJobEventHandler("clean", func(_ context.Context, job *common.JobEvent) error {
		jobs <- job.JobType
		return nil
	})
	go app.Start()
	time.Sleep(500 * time.Millisecond) // subscriptions are read once the application answers
}

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	events, jobs, ticks, streamed := make(chan string, 9), make(chan string, 9), make(chan string, 99), make(chan string, 9)
	serve(events, jobs, ticks)
	dapr, err := client.NewClient()
	if err != nil {
		panic(err)
	}

	check("wait", func() error { return dapr.Wait(ctx, 5*time.Second) })
	check("state", func() error {
		if err := dapr.SaveState(ctx, "statestore", "a", []byte("1"), nil); err != nil {
			return err
		}
		item, err := dapr.GetState(ctx, "statestore", "a", nil)
		return errors.Join(err, same(string(item.Value), "1"))
	})
	check("etag mismatch", func() error {
		if dapr.SaveStateWithETag(ctx, "statestore", "a", []byte("2"), "other", nil) == nil {
			return errors.New("it was saved")
		}
		return nil
	})
	check("transaction", func() error {
		upsert := &client.StateOperation{Type: client.StateOperationTypeUpsert, Item: &client.SetStateItem{Key: "b", Value: []byte("2")}}
		if err := dapr.ExecuteStateTransaction(ctx, "statestore", nil, []*client.StateOperation{upsert}); err != nil {
			return err
		}
		items, err := dapr.GetBulkState(ctx, "statestore", []string{"a", "b"}, nil, 2)
		return errors.Join(err, same(len(items), 2))
	})
	check("metadata", func() error {
		got, err := dapr.GetMetadata(ctx)
		return errors.Join(err, same(got.ID, os.Getenv("APP_ID")))
	})
	check("lock", func() error {
		got, err := dapr.TryLockAlpha1(ctx, "lockstore", &client.LockRequest{LockOwner: "me", ResourceID: "door", ExpiryInSeconds: 5})
		return errors.Join(err, same(got.Success, true))
	})
	check("secret", func() error {
		got, err := dapr.GetSecret(ctx, "secrets", "APP_ID", nil)
		return errors.Join(err, same(got["APP_ID"], os.Getenv("APP_ID")))
	})
	check("configuration", func() error {
		got, err := dapr.GetConfigurationItems(ctx, "settings", []string{"a"})
		return errors.Join(err, same(len(got), 0))
	})
	check("invoke", func() error {
		content := &client.DataContent{Data: []byte("hi"), ContentType: "text/plain"}
		got, err := dapr.InvokeMethodWithContent(ctx, os.Getenv("APP_ID"), "echo", "post", content)
		return errors.Join(err, same(string(got), "heard hi"))
	})
	check("publish", func() error {
		return errors.Join(dapr.PublishEvent(ctx, "pubsub", "orders", "one"), arrives(events, "one"))
	})
	check("publish in bulk", func() error {
		got := dapr.PublishEvents(ctx, "pubsub", "orders", []any{"two"})
		return errors.Join(got.Error, same(len(got.FailedEvents), 0), arrives(events, "two"))
	})
	check("subscribe by a stream", func() error {
		handler := func(event *common.TopicEvent) common.SubscriptionResponseStatus {
			streamed <- string(event.RawData)
			return common.SubscriptionResponseStatusSuccess
		}
		stop, err := dapr.SubscribeWithHandler(ctx, client.SubscriptionOptions{PubsubName: "pubsub", Topic: "stream"}, handler)
		if err != nil {
			return err
		}
		return errors.Join(dapr.PublishEvent(ctx, "pubsub", "stream", "three"), arrives(streamed, "three"), stop())
	})
	check("input binding", func() error { return arrives(ticks, "tick") })
	check("job", func() error {
		soon := "100ms"
		data, err := anypb.New(wrapperspb.String("dust"))
		return errors.Join(err, dapr.ScheduleJob(ctx, &client.Job{Name: "clean", DueTime: &soon, Data: data}), arrives(jobs, "clean"))
	})
	check("crypto", func() error {
		key := client.EncryptOptions{ComponentName: "vault", KeyName: "rsa.pem", KeyWrapAlgorithm: "RSA"}
		document, err := dapr.Encrypt(ctx, bytes.NewReader([]byte("hello")), key)
		if err != nil {
			return err
		}
		plain, err := dapr.Decrypt(ctx, document, client.DecryptOptions{ComponentName: "vault"})
		if err != nil {
			return err
		}
		got, err := io.ReadAll(plain)
		return errors.Join(err, same(string(got), "hello"))
	})
	check("workflow", func() error { return workflows(ctx) })
}

func workflows(ctx context.Context) error {
	registry := workflow.NewRegistry()
	registry.AddWorkflowN("sum", func(w *workflow.WorkflowContext) (any, error) {
		var count, total int
		w.GetInput(&count)
		for number := range count {
			var next int
			if err := w.CallActivity("plus", workflow.WithActivityInput(number)).Await(&next); err != nil {
				return nil, err
			}
			total += next
		}
		w.CreateTimer(50 * time.Millisecond).Await(nil)
		w.WaitForExternalEvent("go", time.Minute).Await(nil)
		return total, nil
	})
	registry.AddActivityN("plus", func(activity workflow.ActivityContext) (any, error) {
		var number int
		activity.GetInput(&number)
		return number + 1, nil
	})
	dapr, err := client.NewWorkflowClient()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if err := dapr.StartWorker(ctx, registry); err != nil {
		return err
	}
	id, err := dapr.ScheduleWorkflow(ctx, "sum", workflow.WithInput(4))
	if err != nil {
		return err
	}
	if err := dapr.RaiseEvent(ctx, id, "go"); err != nil {
		return err
	}
	done, err := dapr.WaitForWorkflowCompletion(ctx, id, workflow.WithFetchPayloads(true))
	if err != nil {
		return err
	}
	return same(done.Output.GetValue(), "10")
}
