// Package browse follows a link as the browser of a person would who reads a message and
// answers it: it opens the page, keeps its cookies, logs in where it is asked to, fills
// the form and presses a button. It runs no scripts.
//
// Whoever wrote the message chose the link, so a [Browser] reaches the origins it was
// given and nothing else, whatever a link, a redirect, a form or a page says. The number
// of redirects and pages and the size of each page are bounded; time is bounded by the
// context.
package browse
