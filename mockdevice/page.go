package mockdevice

func (d *Device) phoneRoutes() []route { return nil }
