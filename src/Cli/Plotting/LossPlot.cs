using System.Globalization;

namespace DistSgd.Cli.Plotting;

/// <summary>What loss is drawn against.</summary>
internal enum LossAgainst
{
    Steps,
    Seconds,
    Bytes,
    Epochs,
}

/// <summary>Loss curves of one or several trainings: training loss drawn through, test loss dashed.</summary>
internal static class LossPlot
{
    public static SvgDrawing Draw(IReadOnlyList<TrainingLog> logs, LossAgainst against)
    {
        double last = logs.SelectMany(log => log.Points).Max(point => Place(point, against));
        Axis x = Axis.Between(Label(against), 0, last > 0 ? 1.03 * last : 1);
        Axis y = Axis.Around("loss", [.. logs.SelectMany(log => log.Points).SelectMany(point => (double[])[point.TrainLoss, point.TestLoss ?? point.TrainLoss])], logIfWide: true);
        var legend = new List<LegendEntry>();
        for (int i = 0; i < logs.Count; i++)
        {
            legend.Add(new LegendEntry($"{logs[i].Name}, train", Palette.Line(i)) { Dot = Palette.Color(i) });
            if (HasTest(logs[i]))
                legend.Add(new LegendEntry($"{logs[i].Name}, test", Palette.Dashed(i)) { Diamond = Palette.Color(i) });
        }
        var frame = new PlotFrame($"Loss against {Label(against)}", x, y, legend);
        for (int i = 0; i < logs.Count; i++)
            Draw(frame, logs[i], against, i);
        return frame.Drawing;
    }

    private static bool HasTest(TrainingLog log) => log.Points.Any(point => point.TestLoss is not null);

    private static void Draw(PlotFrame frame, TrainingLog log, LossAgainst against, int number)
    {
        frame.Path(log.Points.Select(point => (Place(point, against), point.TrainLoss)), Palette.Line(number));
        LogPoint[] tested = [.. log.Points.Where(point => point.TestLoss is not null)];
        if (tested.Length > 0)
            frame.Path(tested.Select(point => (Place(point, against), point.TestLoss!.Value)), Palette.Dashed(number));
        foreach (LogPoint point in log.Points)
        {
            (double x, double y) = frame.At(Place(point, against), point.TrainLoss);
            frame.Drawing.Circle(x, y, 2.6, Palette.Color(number), title: Title(log, "train", point, against, point.TrainLoss));
        }
        foreach (LogPoint point in tested)
        {
            (double x, double y) = frame.At(Place(point, against), point.TestLoss!.Value);
            frame.Drawing.Diamond(x, y, 2.6, Palette.Color(number), Title(log, "test", point, against, point.TestLoss.Value));
        }
    }

    private static string Title(TrainingLog log, string part, LogPoint point, LossAgainst against, double loss) =>
        string.Create(CultureInfo.InvariantCulture, $"{log.Name}, {part}: {loss} at {Place(point, against)} {Label(against)}");

    private static string Label(LossAgainst against) => against.ToString().ToLowerInvariant();

    private static double Place(LogPoint point, LossAgainst against) => against switch
    {
        LossAgainst.Steps => point.Steps,
        LossAgainst.Seconds => point.Seconds,
        LossAgainst.Bytes => point.Bytes,
        _ => point.Epoch,
    };
}
