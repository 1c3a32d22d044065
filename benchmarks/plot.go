package main

import (
	"bytes"
	"fmt"
	"image/color"
	"math"
	"os"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	vgdraw "gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"
)

// A panel is a result as a chart: dots in named rows, or curves.
type panel struct {
	title, x, y string
	log         bool // the scale of dots; that of curves is always logarithmic
	dots        []dot
	curves      []curve
}

// A dot is a value or, if low and high differ, a range.
type dot struct {
	name      string
	low, high float64
}

// A curve is a named series of points.
type curve struct {
	name   string
	points plotter.XYs
}

// dot adds a row with a value or a range.
func (p *panel) dot(name string, low, high float64) { p.dots = append(p.dots, dot{name, low, high}) }

// point adds a point to the curve of the given name.
func (p *panel) point(name string, x, y float64) {
	for i := range p.curves {
		if p.curves[i].name == name {
			p.curves[i].points = append(p.curves[i].points, plotter.XY{X: x, Y: y})
			return
		}
	}
	p.curves = append(p.curves, curve{name, plotter.XYs{{X: x, Y: y}}})
}

var (
	ink    = color.NRGBA{0x33, 0x3b, 0x46, 0xff}
	faint  = color.NRGBA{0xe3, 0xe7, 0xec, 0xff}
	muted  = color.NRGBA{0x8a, 0x94, 0xa1, 0xff}
	accent = color.NRGBA{0xd6, 0x45, 0x1b, 0xff} // neurondex

	// others are the colors of curves, distinguishable with color blindness.
	others = []color.Color{
		color.NRGBA{0x56, 0x5f, 0x6b, 0xff}, color.NRGBA{0x00, 0x72, 0xb2, 0xff}, color.NRGBA{0x56, 0xb4, 0xe9, 0xff},
		color.NRGBA{0x00, 0x9e, 0x73, 0xff}, color.NRGBA{0xcc, 0x79, 0xa7, 0xff}, color.NRGBA{0x6a, 0x3d, 0x9a, 0xff},
	}
)

func isOurs(name string) bool { return strings.HasPrefix(name, "neurondex") }

// Sizes of the picture, in points.
const (
	columnWidth = 460
	rowHeight   = 21
	frameHeight = 78 // of a panel without its rows
	curveHeight = 330
	margin      = 14
	headHeight  = 44
)

func (p panel) height() vg.Length {
	if len(p.curves) > 0 {
		return curveHeight
	}
	return frameHeight + rowHeight*vg.Length(len(p.dots))
}

// draw writes an SVG picture of all panels, in two columns.
func draw(file, machine string, panels []panel) error {
	plot.DefaultFont.Variant = "Sans"
	var columns [2][]panel
	var heights [2]vg.Length
	for _, p := range panels {
		c := 0
		if heights[1] < heights[0] {
			c = 1
		}
		columns[c], heights[c] = append(columns[c], p), heights[c]+p.height()+margin
	}
	width := vg.Length(2*columnWidth + 3*margin)
	height := max(heights[0], heights[1]) + headHeight + margin

	svg := vgsvg.New(width, height)
	canvas := vgdraw.New(svg)
	canvas.SetColor(color.White) // for dark pages
	canvas.Fill(canvas.Path())
	title := style(15, ink, text.XLeft, text.YTop)
	canvas.FillText(title, vg.Point{X: margin, Y: height - margin}, "neurondex and its peers: lower is better")
	canvas.FillText(style(9, muted, text.XRight, text.YTop), vg.Point{X: width - margin, Y: height - margin}, machine)

	for c, column := range columns {
		left, top := vg.Length(margin+c*(columnWidth+margin)), height-headHeight
		for _, p := range column {
			plt, err := p.plot()
			if err != nil {
				return fmt.Errorf("%s: %w", p.title, err)
			}
			plt.Draw(vgdraw.Canvas{Canvas: svg, Rectangle: vg.Rectangle{
				Min: vg.Point{X: left, Y: top - p.height()}, Max: vg.Point{X: left + columnWidth, Y: top},
			}})
			top -= p.height() + margin
		}
	}

	var b bytes.Buffer
	if _, err := svg.WriteTo(&b); err != nil {
		return err
	}
	// Fall back to fonts of the same metrics.
	out := bytes.ReplaceAll(b.Bytes(), []byte("font-family:Liberation Sans"), []byte("font-family:Liberation Sans,Arial,Helvetica,sans-serif"))
	return os.WriteFile(file, out, 0o644)
}

func style(size vg.Length, c color.Color, x text.XAlignment, y text.YAlignment) text.Style {
	font := plot.DefaultFont
	font.Size = size
	return text.Style{Color: c, Font: font, XAlign: x, YAlign: y, Handler: plot.DefaultTextHandler}
}

func (p panel) plot() (*plot.Plot, error) {
	plt := plot.New()
	plt.Title.Text, plt.Title.TextStyle.Font.Size, plt.Title.TextStyle.Color, plt.Title.Padding = p.title, 12, ink, 8
	plt.X.Label.Text, plt.Y.Label.Text = p.x, p.y
	for _, axis := range []*plot.Axis{&plt.X, &plt.Y} {
		axis.Label.TextStyle.Font.Size, axis.Label.TextStyle.Color, axis.Label.Padding = 9, muted, 3
		axis.Tick.Label.Font.Size, axis.Tick.Label.Color = 9, ink
		axis.Color, axis.Tick.Color = muted, muted
	}
	grid := plotter.NewGrid()
	grid.Vertical.Color, grid.Horizontal.Color = faint, faint
	if len(p.curves) > 0 {
		plt.Add(grid)
		return plt, p.addCurves(plt)
	}
	grid.Horizontal.Color = nil
	plt.Add(grid)
	p.addDots(plt)
	return plt, nil
}

func (p panel) addCurves(plt *plot.Plot) error {
	plt.X.Scale, plt.Y.Scale = plot.LogScale{}, plot.LogScale{}
	plt.X.Tick.Marker, plt.Y.Tick.Marker = decades{}, decades{}
	plt.Legend.Top, plt.Legend.XOffs, plt.Legend.YOffs, plt.Legend.Padding = true, -10, -4, 2.5
	plt.Legend.TextStyle.Font.Size, plt.Legend.TextStyle.Color = 9, ink
	next := 0
	for _, c := range p.curves {
		line, points, err := plotter.NewLinePoints(c.points)
		if err != nil {
			return err
		}
		line.Width, points.Shape, points.Radius = 1.4, vgdraw.CircleGlyph{}, 2.6
		if isOurs(c.name) {
			line.Color, line.Width = accent, 2.4
		} else {
			line.Color = others[next%len(others)]
			next++
		}
		points.Color = line.Color
		plt.Add(line, points)
		plt.Legend.Add(c.name, line, points)
	}
	plt.Y.Min, plt.Y.Max = decade(plt.Y.Min, math.Floor), decade(plt.Y.Max, math.Ceil)
	plt.X.Min, plt.X.Max = decade(plt.X.Min, math.Floor), decade(plt.X.Max, math.Ceil)
	return nil
}

func decade(x float64, round func(float64) float64) float64 {
	return math.Pow(10, round(math.Log10(x)))
}

func (p panel) addDots(plt *plot.Plot) {
	names := make([]string, len(p.dots))
	least, most := math.Inf(1), 0.0
	for i, d := range p.dots {
		names[len(names)-1-i] = d.name // the axis points up, lists read down
		if d.low > 0 {
			least, most = min(least, d.low), max(most, d.high)
		}
	}
	if most == 0 { // no value, or only zeros
		least, most = 1, 1
	}
	plt.NominalY(names...)
	plt.Y.Padding, plt.Y.Width = 10, 0
	plt.Y.Min, plt.Y.Max = -0.6, float64(len(names))-0.4
	if p.log {
		plt.X.Scale, plt.X.Tick.Marker = plot.LogScale{}, decades{}
		plt.X.Min, plt.X.Max = decade(least*0.999, math.Floor), decade(most*3, math.Ceil)
	} else {
		plt.X.Min, plt.X.Max = 0, most*1.2
	}
	plt.Add(lollipops(p.dots))
}

// lollipops draws dots with their values, each on a line from its name.
type lollipops []dot

// Plot implements [plot.Plotter].
func (l lollipops) Plot(c vgdraw.Canvas, plt *plot.Plot) {
	toX, toY := plt.Transforms(&c)
	for i, d := range l {
		col := color.Color(muted)
		if isOurs(d.name) {
			col = accent
		}
		y := toY(float64(len(l) - 1 - i))
		if math.IsNaN(d.low) {
			c.FillText(style(9, col, text.XLeft, text.YCenter), vg.Point{X: c.Min.X + 6, Y: y + 1.5}, "all lost")
			continue
		}
		low, high := toX(max(d.low, plt.X.Min)), toX(max(d.high, plt.X.Min))
		c.StrokeLine2(vgdraw.LineStyle{Color: faint, Width: 2}, c.Min.X, y, low, y)
		c.StrokeLine2(vgdraw.LineStyle{Color: col, Width: 2.5}, low, y, high, y)
		for _, x := range []vg.Length{low, high} {
			c.DrawGlyph(vgdraw.GlyphStyle{Color: col, Radius: 3.6, Shape: vgdraw.CircleGlyph{}}, vg.Point{X: x, Y: y})
		}
		value := digits(d.low)
		if d.high != d.low {
			value += " to " + digits(d.high)
		}
		c.FillText(style(9, col, text.XLeft, text.YCenter), vg.Point{X: high + 8, Y: y + 1.5}, value)
	}
}

// decades marks and labels the powers of ten.
type decades struct{}

// Ticks implements [plot.Ticker].
func (decades) Ticks(least, most float64) []plot.Tick {
	var ticks []plot.Tick
	for e := math.Floor(math.Log10(least)); e <= math.Ceil(math.Log10(most)); e++ {
		x := math.Pow(10, e)
		label := fmt.Sprintf("%.*f", max(int(-e), 0), x)
		if e > 0 {
			label = grouped(int(math.Round(x)))
		}
		ticks = append(ticks, plot.Tick{Value: x, Label: label})
		for m := 2.0; m < 10; m++ {
			ticks = append(ticks, plot.Tick{Value: m * x})
		}
	}
	return ticks
}
