package data_test

import (
	"context"
	"fmt"
	"log"

	"wgnin/nn/data"
	"wgnin/nn/data/download"
)

// A dataset, pictures of one's own in a folder for each class, and one picture.
func Example() {
	ctx := context.Background()
	train, test, err := data.Load(ctx, "fashion-mnist", data.LoadOptions{Fetch: download.Files})
	must(err)
	mine, tests, err := data.Load(ctx, "folder", data.LoadOptions{Dir: "pictures", H: 64, W: 64})
	must(err)
	one, err := data.ReadImage("photo.jpg", 3) // in colour
	must(err)
	fmt.Println(train.Len(), test.Len(), mine.Len(), tests.Len(), one.Len())
}

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
