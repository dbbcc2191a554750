// Package inbox reads what an OP sends to people, and makes of it what a device is asked.
//
// There are four roads: mail over SMTP ([NewServer]), text messages in the form of
// Twilio's API ([ReadSMS]), push messages in the form of FCM HTTP v1 ([ReadFCM]), and
// JSON of any shape ([Pointers]). Each ends in a [wire.Message]: who sent what to whom,
// as text. [Rules] then find by patterns what a request is made of: the link or the code
// that answers it, the binding message, and whatever else the text tells.
//
// Whoever can send a message chooses its text, and a client chooses the binding message
// that is part of it. So a pattern that finds two different values finds none to rely on,
// and a message without what the rules need is no request. Sizes, parts and recipients
// are bounded, and nothing in a message is ever fetched or run here.
package inbox
