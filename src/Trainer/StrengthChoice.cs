using DistSgd.Learning.Data;
using DistSgd.Learning.Models;
using DistSgd.Learning.Preprocessing;

namespace DistSgd.Trainer;

/// <summary>
/// How strong λ₂ is where features are too many for the rows to tell their weights, and no option says how to train: the usual strength and ten and a hundred times as much (of a regression also a tenth and a hundredth) are trained without a part of the rows and measured on it. Each of
/// these trainings is one worker's, so that the choice doesn't depend on threads, servers or workers.
/// </summary>
internal static class StrengthChoice
{
    private const int FoldsMax = 4;
    private const int RowsMin = 40;
    private const int RowsMeasuredMin = 1_000;
    private const double Part = 10;
    private const int EpochsMin = 5;
    private const int EpochsPart = 4;

    // Products of all trainings together: about a second of one thread.
    private const double ProductsMax = 3e8;
    private const int FirstFactors = 3;

    // What is less than this is the luck of the parts.
    private const double GainMin = 0.01;

    /// <summary>The options with the strength chosen, or as they are.</summary>
    /// <param name="data">The rows that are learned from, preprocessed.</param>
    /// <param name="options">How.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public static async Task<TrainingOptions> MadeAsync(Dataset data, TrainingOptions options, CancellationToken cancellationToken)
    {
        try
        {
            int folds = Folds(data, options);
            if (folds == 0)
                return options;
            options = options with { StrengthFactor = 1 };
            // Weaker ones look good on parts held out as long as there was no time to fit rows by heart; a regression that begins at least squares has.
            double[] others = (options.Model ?? TaskChoice.Detect(data).Kind) == ModelKind.Linear ? [Part, 1 / Part] : [Part];
            Measured[] first = await MeasureAsync(data, options, [1, .. others], folds, cancellationToken);
            Measured usual = first[0], best = first.Where(one => one.Accuracy >= usual.Accuracy).MinBy(one => one.Loss)!;
            if (best != usual && (await MeasureAsync(data, options, [best.Factor * best.Factor], folds, cancellationToken))[0] is var further && further.Loss < best.Loss && further.Accuracy >= usual.Accuracy)
                best = further;
            return best.Loss < (1 - GainMin) * usual.Loss ? options with { StrengthFactor = best.Factor } : options;
        }
        catch (Exception unfit) when (unfit is TrainingException or LabelException)
        {
            // A part that lacks a class, or has one alone: what is usual stays.
            return options;
        }
    }

    private static int Folds(Dataset data, TrainingOptions options)
    {
        bool isOpen = options is
        {
            StrengthFactor: null, L2: null, C: null, L1: 0, MaxNorm: null, Optimizer: null, LearningRate: null, Delta: null, Epochs: null, StepsMax: null, SecondsMax: null, Init: null, SnapshotEvery: null, Average: null,
        };
        if (!isOpen || options.Model == ModelKind.Mlp || data.IsStreamed || !data.HasLabels || data.RowCount < RowsMin || LeastSquaresStart.AreMany(data.RowCount, data))
            return 0;
        ModelKind model = options.Model ?? TaskChoice.Detect(data).Kind;
        double outputs = data.HasLabelSets ? data.SetLabels.Count : model is ModelKind.Softmax or ModelKind.MulticlassSvm or ModelKind.StructuredSvm ? data.Labels.Distinct?.Count ?? 1 : 1;
        double enough = Math.Ceiling(RowsMeasuredMin / (double)data.RowCount * FoldsMax);
        return (int)Math.Min(Math.Min(FoldsMax, enough), ProductsMax / ((double)FirstFactors * Epochs(data) * outputs * data.NonZeroCount));
    }

    private static async Task<Measured[]> MeasureAsync(Dataset data, TrainingOptions options, double[] factors, int folds, CancellationToken cancellationToken)
    {
        var parts = new EvaluationResult[factors.Length * folds];
        await Parallel.ForEachAsync(
            Enumerable.Range(0, parts.Length),
            new ParallelOptions { CancellationToken = cancellationToken, MaxDegreeOfParallelism = options.Threads ?? Environment.ProcessorCount },
            async (one, token) => parts[one] = await MeasureAsync(data, options, factors[one / folds], one % folds, token));
        return [.. factors.Select((factor, i) => new Measured(factor, parts.Skip(i * folds).Take(folds).Average(part => part.Loss), parts.Skip(i * folds).Take(folds).Average(part => part.Accuracy ?? 1)))];
    }

    private static async Task<EvaluationResult> MeasureAsync(Dataset data, TrainingOptions options, double factor, int fold, CancellationToken cancellationToken)
    {
        TrainingOptions own = options with
        {
            StrengthFactor = factor,
            Epochs = Epochs(data),
            HeldOut = HoldOut.Fold(fold, FoldsMax),
            Threads = 1,
            Test = null,
            Patience = null,
            HashBits = null,
            NormalizeRows = false,
            Whiten = null,
            Out = null,
            SaveEvery = 0,
            Checkpoint = null,
            Progress = null,
            Notice = null,
            Saved = null,
            Shards = null,
        };
        return (await SgdTrainer.TrainAsync(data, own, cancellationToken)).Test!;
    }

    private static int Epochs(Dataset data) => Math.Max(EpochsMin, TrainingPlan.UsualEpochs(data.RowCount) / EpochsPart);

    // What the parts held out gave, on average. A loss falls, too, where scores merely grow: who names fewer rows rightly is not better.
    private sealed record Measured(double Factor, double Loss, double Accuracy);
}
