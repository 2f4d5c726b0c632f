using System.Globalization;
using System.Xml.Linq;
using DistSgd.Cli.Plotting;
using DistSgd.TestKit;

namespace DistSgd.Cli.Tests.Plotting;

public sealed class PlotTests : IDisposable
{
    private static readonly XNamespace Svg = "http://www.w3.org/2000/svg";

    private readonly Folder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Loss_OfTwoTrainings_HoldsTheNumbersOfTheirLogs_WithinTheFrame()
    {
        string data = _folder["d.libsvm"];
        Assert.Equal(0, (await CommandLine.RunAsync("generate", "clicks", "--rows", "400", "--features", "100", "--out", data)).Code);
        string[] logs = [await LogAsync(data, "sgd"), await LogAsync(data, "adagrad")];
        foreach (string against in (string[])["steps", "seconds", "bytes", "epochs"])
        {
            string picture = _folder[$"{against}.svg"];
            Outcome drawn = await CommandLine.RunAsync("plot", "loss", "--log", string.Join(',', logs), "--x", against, "--out", picture);
            Assert.True(drawn.Code == 0, drawn.Error);
            XDocument svg = Load(picture);
            string[] expected =
            [
                .. from log in logs.Select(TrainingLog.Read)
                   from point in log.Points
                   let place = against switch { "steps" => point.Steps, "seconds" => point.Seconds, "bytes" => point.Bytes, _ => point.Epoch }
                   from text in (string[])[F($"{log.Name}, train: {point.TrainLoss} at {place} {against}"), F($"{log.Name}, test: {point.TestLoss} at {place} {against}")]
                   select text,
            ];
            Assert.Equal(expected.Order(StringComparer.Ordinal), svg.Descendants(Svg + "title").Select(title => title.Value).Order(StringComparer.Ordinal));
            AssertInside(svg);
            Assert.Contains(svg.Descendants(Svg + "text"), text => text.Value == "sgd, test");
            Assert.Contains(svg.Descendants(Svg + "text"), text => text.Value == against);
        }
    }

    [Fact]
    public async Task Loss_OfWhatIsNoLog_IsRefusedWithFileAndLine()
    {
        string prose = _folder.Write("prose.jsonl", "{\"event\":\"notice\"}\nnot json\n"), empty = _folder.Write("empty.jsonl", "{\"event\":\"notice\"}\n"), old = _folder.Write("old.jsonl", "{\"event\":\"evaluation\",\"epoch\":1}\n");
        foreach ((string log, string says) in ((string, string)[])[(prose, "prose.jsonl, line 2"), (empty, "holds no evaluation"), (old, "old.jsonl, line 1: the evaluation has no number \"steps\"")])
        {
            Outcome refused = await CommandLine.RunAsync("plot", "loss", "--log", log, "--out", _folder["no.svg"]);
            Assert.Equal(1, refused.Code);
            Assert.Contains(says, refused.Error, StringComparison.Ordinal);
            Assert.False(File.Exists(_folder["no.svg"]));
        }
    }

    [Fact]
    public async Task Margin_RingsTheSupportVectors_AndDrawsTheLineBetweenTheClasses()
    {
        string picture = _folder["margin.svg"];
        // The nearest points are (1, 0) and (3, 0): the line x = 2, the margin 2.
        string data = _folder.Write("six.libsvm", "-1 1:1\n-1 2:2\n-1 1:0.5 2:-2\n1 1:3\n1 1:4 2:1\n1 1:5 2:-2\n");
        Outcome drawn = await CommandLine.RunAsync("plot", "margin", "--data", data, "--out", picture);
        Assert.True(drawn.Code == 0, drawn.Error);
        Assert.Equal(2, double.Parse(drawn.Output.Split(' ')[1].TrimEnd(';'), CultureInfo.InvariantCulture), 0.02);
        Assert.Contains("2 support vectors of 6 points", drawn.Output, StringComparison.Ordinal);
        XDocument svg = Load(picture);
        AssertInside(svg);
        // One ring more stands in the legend.
        Assert.Equal(3, svg.Descendants(Svg + "circle").Count(circle => (string?)circle.Attribute("fill") == "none"));
        Assert.Equal(6, svg.Descendants(Svg + "title").Count());
    }

    [Fact]
    public async Task Optimizers_DrawsAPathForEveryRuleOfTheRegister()
    {
        string picture = _folder["rules.svg"];
        Assert.Equal(0, (await CommandLine.RunAsync("plot", "optimizers", "--out", picture)).Code);
        XDocument svg = Load(picture);
        AssertInside(svg);
        foreach (Learning.Optimizers.RuleForm form in Learning.Optimizers.UpdateRules.All)
        {
            Assert.Contains(svg.Descendants(Svg + "text"), text => text.Value.StartsWith($"{form.Facts.Name}, η = ", StringComparison.Ordinal));
            Assert.Contains(svg.Descendants(Svg + "title"), title => title.Value.StartsWith($"{form.Facts.Name}, step 1: ", StringComparison.Ordinal));
        }
    }

    [Fact]
    public async Task BiasVariance_DrawsWhatItPrints()
    {
        string picture = _folder["bv.svg"];
        Outcome drawn = await CommandLine.RunAsync("plot", "bias-variance", "--sets", "3", "--rows", "12", "--out", picture);
        Assert.True(drawn.Code == 0, drawn.Error);
        XDocument svg = Load(picture);
        AssertInside(svg);
        string[] rows = [.. drawn.Output.Split('\n').Skip(1).Where(line => line.Length > 0)];
        Assert.Equal(3 * rows.Length, svg.Descendants(Svg + "title").Count());
        foreach (string row in rows)
        {
            string[] cells = row.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            string title = svg.Descendants(Svg + "title").Select(one => one.Value).First(one => one.StartsWith("bias²: ", StringComparison.Ordinal) && one.EndsWith($"size {cells[0]}", StringComparison.Ordinal));
            Assert.Equal(double.Parse(cells[1], CultureInfo.InvariantCulture), double.Parse(title.Split(' ')[1], CultureInfo.InvariantCulture), 1e-5);
        }
    }

    [Theory]
    [InlineData(0, 1, "0 0.2 0.4 0.6 0.8 1")]
    [InlineData(0, 250_000, "0 50k 100k 150k 200k 250k")]
    [InlineData(0.3, 0.35, "0.3 0.31 0.32 0.33 0.34 0.35")]
    [InlineData(-3, 3, "-3 -2 -1 0 1 2 3")]
    public void Ticks_AreRoundNumbers(double low, double high, string expected) =>
        Assert.Equal(expected, string.Join(' ', Axis.Between("", low, high).Ticks.Select(Axis.Show)));

    [Fact]
    public void AxisOfNumbersFarApart_IsInPowersOfTen_AndPlacesTheirMiddleInTheMiddle()
    {
        Axis axis = Axis.Around("", [1e-4, 1], logIfWide: true);
        Assert.True(axis.IsLog);
        Assert.Equal(0.5, axis.Place(1e-2), 1e-9);
        Assert.Contains(0.01, axis.Ticks.Select(tick => Math.Round(tick, 9)));
        Assert.False(Axis.Around("", [0, 1], logIfWide: true).IsLog);
        Assert.Equal(0.5, Axis.Around("", [3, 3]).Place(3), 1e-9);
    }

    [Fact]
    public void Labels_OfAnyText_AreEscapedAndFit()
    {
        var log = new TrainingLog("<&\"'> " + new string('x', 300), [new LogPoint(1, 1, 1, 1, 0.5, null)]);
        string picture = _folder["odd.svg"];
        using (FileStream file = File.Create(picture))
            LossPlot.Draw([log], LossAgainst.Steps).Write(file);
        AssertInside(Load(picture));
    }

    private async Task<string> LogAsync(string data, string optimizer)
    {
        Outcome trained = await CommandLine.RunAsync("train", "--data", data, "--test", data, "--optimizer", optimizer, "--epochs", "4", "--json", "--out", _folder["m"]);
        Assert.True(trained.Code == 0, trained.Error);
        return _folder.Write($"{optimizer}.jsonl", trained.Output);
    }

    private static XDocument Load(string picture) => XDocument.Load(picture);

    // Lines and shapes of data lie in the frame or are clipped to it; texts lie in the picture.
    private static void AssertInside(XDocument svg)
    {
        (double width, double height) = (Number(svg.Root!, "width"), Number(svg.Root!, "height"));
        XElement frame = svg.Descendants(Svg + "rect").First(rect => (string?)rect.Attribute("fill") == "none");
        (double left, double top) = (Number(frame, "x"), Number(frame, "y"));
        (double right, double bottom) = (left + Number(frame, "width"), top + Number(frame, "height"));
        foreach (XElement circle in svg.Descendants(Svg + "circle").Where(circle => circle.Element(Svg + "title") is not null))
        {
            Assert.InRange(Number(circle, "cx"), left, right);
            Assert.InRange(Number(circle, "cy"), top, bottom);
        }
        Assert.All(svg.Descendants(Svg + "polyline"), line => Assert.Equal("url(#frame)", (string?)line.Parent!.Attribute("clip-path")));
        foreach (XElement text in svg.Descendants(Svg + "text"))
        {
            double wide = SvgDrawing.TextWidth(text.Value, Number(text, "font-size")), x = Number(text, "x"), y = Number(text, "y");
            double before = (string?)text.Attribute("text-anchor") switch { "start" => 0, "end" => wide, _ => wide / 2 };
            (double low, double high, double room) = text.Attribute("transform") is null ? (x - before, x - before + wide, width) : (y - wide / 2, y + wide / 2, height);
            Assert.True(low >= 0 && high <= room, $"'{text.Value}' reaches from {low} to {high} of {room}");
            Assert.InRange(y, 0, height);
        }
    }

    private static double Number(XElement element, string name) => double.Parse(element.Attribute(name)!.Value, CultureInfo.InvariantCulture);

    private static string F(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
