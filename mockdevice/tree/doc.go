// Package tree holds JSON values as they came: the order of members and the text of
// numbers are kept, since both are what the user of a device is to see. It knows no
// device.
package tree
