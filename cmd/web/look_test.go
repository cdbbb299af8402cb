package main

import (
	"fmt"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

// faults is a script that lists visible faults of the page: a page wider than the window, elements
// without a name for a screen reader, text with a contrast below 4.5 (WCAG 2.2, 1.4.3) and, with
// touch, controls less than 44 pixels high (2.5.5).
const faults = `(touch => {
	const found = [], visible = e => e.checkVisibility() && e.getClientRects().length > 0;
	const wide = document.documentElement.scrollWidth;
	if (wide > innerWidth) found.push('the page is ' + wide + ' pixels wide');
	for (const e of document.querySelectorAll('button, input, select, canvas, [tabindex]')) {
		if (!visible(e)) continue;
		const says = e.outerHTML.slice(0, 60);
		const name = e.ariaLabel || e.labels?.[0]?.textContent || (e.matches('button') && e.textContent);
		if (!name?.trim()) found.push('no name: ' + says);
		const touched = touch && e.matches('button, select, input:not([type=checkbox])');
		if (touched && e.getBoundingClientRect().height < 44) found.push('too small for a finger: ' + says);
	}
	const rgba = text => { const c = text.match(/[\d.]+/g).map(Number); return [c[0], c[1], c[2], c[3] ?? 1]; };
	const linear = v => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
	const light = c => 0.2126 * linear(c[0]) + 0.7152 * linear(c[1]) + 0.0722 * linear(c[2]);
	const back = e => {
		for (; e; e = e.parentElement) {
			const c = rgba(getComputedStyle(e).backgroundColor);
			if (c[3] === 1) return c;
		}
		return [255, 255, 255];
	};
	for (const e of document.querySelectorAll('body *')) {
		if (!visible(e) || e.disabled || e.matches('.empty')) continue; // .empty lies on the canvas
		if (![...e.childNodes].some(n => n.nodeType === 3 && n.data.trim())) continue;
		const a = light(rgba(getComputedStyle(e).color)), b = light(back(e));
		const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
		if (contrast < 4.5) found.push('contrast ' + contrast.toFixed(1) + ': ' + e.outerHTML.slice(0, 60));
	}
	return found;
})(%v)`

// focused is a script that returns the name of the focused element and the style of its outline.
const focused = `(e => [e.id || e.name || e.dataset.do || e.dataset.key || e.tagName, getComputedStyle(e).outlineStyle])(document.activeElement)`

// The page is readable in windows of any size and in both colour schemes, and Tab alone reaches
// everything in it, in document order.
func TestLook(t *testing.T) {
	b := open(t, "")
	b.until(3*time.Minute, func(s state) bool { return s.State == "ready" })
	for _, view := range []struct {
		name          string
		width, height int64
		scheme        string
		options       []chromedp.EmulateViewportOption
	}{
		{"light", 1280, 900, "light", nil},
		{"dark", 1280, 900, "dark", nil},
		{"phone", 390, 844, "light", []chromedp.EmulateViewportOption{chromedp.EmulateMobile, chromedp.EmulateTouch,
			chromedp.EmulatePortrait, chromedp.EmulateScale(2)}},
		{"phone-dark", 320, 568, "dark",
			[]chromedp.EmulateViewportOption{chromedp.EmulateMobile, chromedp.EmulateTouch, chromedp.EmulatePortrait}},
	} {
		require.NoError(t, chromedp.Do(b.ctx, chromedp.EmulateViewport(view.width, view.height, view.options...)))
		_, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: view.scheme}},
		})
		require.NoError(t, err)
		require.Empty(t, eval[[]string](b, fmt.Sprintf(faults, len(view.options) > 0)), view.name)
		b.shot(view.name)
	}

	want := eval[[]string](b,
		`[...document.querySelectorAll('button, input, select, [tabindex]')].filter(e => e.checkVisibility() && !e.disabled).map(e => e.id || e.name || e.dataset.do || e.dataset.key)`)
	require.Contains(t, want, "scene")
	for _, name := range want {
		require.NoError(t, chromedp.Do(b.ctx, chromedp.KeyEvent("\t")))
		require.Equal(t, []string{name, "solid"}, eval[[]string](b, focused))
	}
}
