using System.CommandLine;
using System.Globalization;
using DistSgd.Cli.Plotting;
using DistSgd.Learning.Data;
using DistSgd.Learning.Diagnostics;
using DistSgd.Learning.Models;
using DistSgd.Learning.Optimizers;
using DistSgd.Shared.CommandLine;
using DistSgd.Trainer;
using DistSgd.Trainer.Studies;

namespace DistSgd.Cli;

/// <summary>The command <c>plot</c>: SVG files.</summary>
internal static class PlotCommand
{
    private const int LogsMax = 20;
    private const int SizeMax = 12;
    private const int DrawnPointsMax = 5_000;
    private const int GeneratedPoints = 60;

    private static readonly ValueOption Out = Required(Arguments.FilePath("--out", "The SVG file."));
    private static readonly ValueOption X = Arguments.Choice("--x", "What the loss is drawn against.", typeof(LossAgainst), "steps");
    private static readonly ValueOption Data = Arguments.FilePath("--data", "Rows of two classes with at most two features, LIBSVM text, plain or gzip; default: two generated clouds.");
    private static readonly ValueOption Sets = Arguments.Number(NumberRange.Whole("--sets", 2, 1000), "Training sets.", "40");
    private static readonly ValueOption Rows = Arguments.Number(NumberRange.Whole("--rows", 2, 100_000), "Rows of a training set.", "40");
    private static readonly ValueOption Seed = Arguments.Number(TrainingRanges.Seed, "Seed of what is generated.", "1");

    public static Command Build()
    {
        ValueOption logs = Required(Arguments.Text("--log", "What distsgd train --json printed, of one or several trainings.", "FILE,…", IsFileList, $"1 to {LogsMax} names of files, separated by commas"));
        var loss = new Command("loss", "Loss curves of one or several trainings, from their logs.") { logs, X, Out };
        loss.SetAction((parsed, stop) =>
        {
            string[] paths = parsed.GetValue(logs)!.Split(',', StringSplitOptions.TrimEntries);
            return DrawAsync(parsed, () => LossPlot.Draw([.. paths.Select(TrainingLog.Read)], (LossAgainst)parsed.Chosen(X, typeof(LossAgainst))!), stop, paths);
        });
        var optimizers = new Command("optimizers", "The paths of all update rules over the contours of a quadratic.") { Out };
        optimizers.SetAction((parsed, stop) => DrawAsync(parsed, () => OptimizerPlot.Draw(QuadraticPaths.Best()), stop));
        var margin = new Command("margin", "A linear SVM trained on two features: points, margins, support vectors.") { Data, Seed, Out };
        margin.SetAction(MarginAsync);
        var study = new Command("bias-variance", "Bias and variance of polynomials against their degree, over many generated training sets.") { Sets, Rows, Seed, Out };
        study.SetAction(BiasVarianceAsync);
        return new Command("plot", "Draw SVG pictures.") { loss, optimizers, margin, study };
    }

    private static bool IsFileList(string text)
    {
        string[] paths = text.Split(',', StringSplitOptions.TrimEntries);
        return paths.Length <= LogsMax && Array.TrueForAll(paths, path => path.Length > 0);
    }

    private static ValueOption Required(ValueOption option)
    {
        option.Required = true;
        return option;
    }

    private static async Task<int> DrawAsync(ParseResult parsed, Func<SvgDrawing> draw, CancellationToken stop, params string[] inputs)
    {
        string path = parsed.GetValue(Out)!;
        CheckOut(parsed, inputs);
        SvgDrawing drawing = await Interruptible.RunAsync(draw, $"Interrupted while drawing; {OutputFile.Untouched(path)}.", stop);
        OutputFile.Write(path, "drawing", drawing.Write);
        return 0;
    }

    private static void CheckOut(ParseResult parsed, params ReadOnlySpan<string?> inputs)
    {
        string path = parsed.GetValue(Out)!;
        OutputFile.Check(Out, path, inputs);
        CommandOutput.GoOn(parsed.InvocationConfiguration.Output, $"{path} holds the picture");
    }

    private static async Task<int> MarginAsync(ParseResult parsed, CancellationToken stop)
    {
        CheckOut(parsed, parsed.GetValue(Data));
        using Dataset rows = parsed.GetValue(Data) is { } path ? Dataset.Open(path, new ReadOptions { CancellationToken = stop }) : Clouds(parsed.Whole(Seed)!.Value);
        if (rows.FeatureCount is < 1 or > 2)
            throw new TrainingException($"{parsed.GetValue(Data)} has {rows.FeatureCount:N0} features; a margin is drawn on two.");
        if (rows.RowCount > DrawnPointsMax)
            throw new TrainingException($"{parsed.GetValue(Data)} has {rows.RowCount:N0} rows; at most {DrawnPointsMax:N0} points can be told apart in a picture.");
        // So little regularisation that separable points are separated by the largest margin.
        var options = new TrainingOptions { Model = ModelKind.Svm, Optimizer = OptimizerKind.AdaGrad, Threads = 1, Epochs = (int)Math.Max(200, 400_000 / rows.RowCount), L2 = 1e-3, LocalSteps = 1, Schedule = ScheduleKind.Linear, Seed = (ulong)parsed.Whole(Seed)!.Value };
        TrainedModel model = (await SgdTrainer.TrainAsync(rows, options, stop)).Model;
        var score = new PlaneScore(model.Weights[0], model.Weights.Length > 1 ? model.Weights[1] : 0, model.Bias);
        var points = new ClassPoint[rows.RowCount];
        for (int row = 0; row < points.Length; row++)
        {
            SparseRow x = rows.Row(row);
            points[row] = new ClassPoint(Feature(x, 0), Feature(x, 1), x.Label == model.Labels.Positive ? 1 : -1);
        }
        await parsed.InvocationConfiguration.Output.WriteLineAsync(string.Create(CultureInfo.InvariantCulture,
            $"margin {2 / Math.Sqrt(score.A * score.A + score.B * score.B):G4}; {points.Count(point => MarginPlot.IsSupport(point, score))} support vectors of {points.Length} points; w = ({score.A:G4}, {score.B:G4}), b = {score.C:G4}"));
        return await DrawAsync(parsed, () => MarginPlot.Draw(points, score, Label(model.Labels.Negative), Label(model.Labels.Positive)), stop);
    }

    private static async Task<int> BiasVarianceAsync(ParseResult parsed, CancellationToken stop)
    {
        CheckOut(parsed);
        IReadOnlyList<BiasVariancePoint> points = await BiasVariance.MeasureAsync(parsed.Count(Sets)!.Value, parsed.Count(Rows)!.Value, SizeMax, (ulong)parsed.Whole(Seed)!.Value, stop);
        TextWriter output = parsed.InvocationConfiguration.Output;
        await output.WriteLineAsync(" size     bias²  variance       sum  E_out");
        foreach (BiasVariancePoint point in points)
            await output.WriteLineAsync(string.Create(CultureInfo.InvariantCulture, $"{point.Size,5}  {point.BiasSquared,8:F5}  {point.Variance,8:F5}  {point.BiasSquared + point.Variance,8:F5}  {point.ErrorOut:F5}"));
        return await DrawAsync(parsed, () => BiasVariancePlot.Draw(points), stop);
    }

    // Two clouds that a line separates.
    private static Dataset Clouds(long seed)
    {
        var random = new SeededRandom(seed);
        using var builder = new DatasetBuilder();
        for (int row = 0; row < GeneratedPoints; row++)
        {
            int sign = row % 2 * 2 - 1;
            builder.Add(sign, [0, 1], [(float)(2 + 1.4 * sign + 0.55 * random.NextGaussian()), (float)(1.5 + 0.9 * sign + 0.55 * random.NextGaussian())]);
        }
        return builder.Build();
    }

    private static double Feature(SparseRow row, uint feature)
    {
        int place = row.Indices.IndexOf(feature);
        return place < 0 ? 0 : row.Values[place];
    }

    private static string Label(double label) => label.ToString(CultureInfo.InvariantCulture);
}
