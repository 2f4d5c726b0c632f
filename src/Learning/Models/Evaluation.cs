using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using System.Runtime.ExceptionServices;
using DistSgd.Kernels;
using DistSgd.Learning.Data;
using DistSgd.Learning.Losses;
using DistSgd.Learning.Metrics;
using DistSgd.Learning.Mlp;

namespace DistSgd.Learning.Models;

/// <summary>How well a model does on a data set. If its rows have weights, each counts as much in the losses, the accuracy and the errors of regression; AUC, NDCG and the figures of classes count rows.</summary>
/// <param name="Rows">Rows.</param>
/// <param name="Loss">Mean loss a row, without regulariser.</param>
/// <param name="Accuracy">Share of rows whose class is right; null in regression and ranking.</param>
/// <param name="Auc">Area under the ROC curve; null but for two classes that both occur.</param>
/// <param name="Rmse">Root mean square error; null in classification.</param>
/// <param name="IgnoredFeatures">Non-zeros of features that the model doesn't know.</param>
public sealed record EvaluationResult(long Rows, double Loss, double? Accuracy, double? Auc, double? Rmse, long IgnoredFeatures)
{
    /// <summary>Mean absolute error; null in classification.</summary>
    public double? Mae { get; init; }

    /// <summary>R², the share of the targets' variance that is explained; null in classification, or where all targets are equal.</summary>
    public double? RSquared { get; init; }

    /// <summary>Mean −log of the probability given to the right class; null for models without probabilities.</summary>
    public double? LogLoss { get; init; }

    /// <summary>Figures of each class; empty but in classification.</summary>
    public IReadOnlyList<ClassFigures> Classes { get; init; } = [];

    /// <summary>Mean NDCG of the first 10 places of each query; null but in ranking.</summary>
    public double? Ndcg { get; init; }

    /// <summary>Share of all (row, class) decisions that are wrong; null but for rows with several classes.</summary>
    public double? HammingLoss { get; init; }

    /// <summary>F1 of all (row, class) decisions together; null but for rows with several classes.</summary>
    public double? MicroF1 { get; init; }

    /// <summary>Mean cost of the predictions; null but with the tree loss.</summary>
    public double? MeanCost { get; init; }

    /// <summary>Mean F1 of the classes that occur; null without classes.</summary>
    public double? MacroF1 => Classes.Count == 0 ? null : Classes.Where(one => one.Rows > 0).Select(one => one.F1).DefaultIfEmpty().Average();
}

/// <summary>Scores data with models on several threads.</summary>
public static class Evaluation
{
    private const int ChunkRows = 4096;

    /// <summary>The scores of each row, k side by side.</summary>
    /// <param name="model">The model.</param>
    /// <param name="parameters">By position, as the model's layout says.</param>
    /// <param name="data">Rows; features that the model doesn't know count as 0.</param>
    /// <param name="threads">At least 1.</param>
    /// <param name="ignored">Non-zeros left out.</param>
    /// <param name="cancellationToken">Gives up between pieces of the data.</param>
    public static float[] Scores(ModelSpec model, ReadOnlyMemory<float> parameters, Dataset data, int threads, out long ignored, CancellationToken cancellationToken = default)
    {
        if (model.Network is not null)
            return NetworkScores(model, parameters, data, threads, out ignored, cancellationToken);
        int outputs = model.Outputs;
        var scores = new float[data.RowCount * outputs];
        long leftOut = 0;
        ForEachChunk(data, threads, (first, count) =>
        {
            Span<float> part = scores.AsSpan((int)first * outputs, count * outputs);
            Interlocked.Add(ref leftOut, outputs == 1 ? Score(parameters.Span, data, first, part) : ScoreAll(parameters.Span, outputs, data, first, part));
        }, cancellationToken);
        ignored = leftOut;
        return scores;
    }

    private static float[] NetworkScores(ModelSpec model, ReadOnlyMemory<float> parameters, Dataset data, int threads, out long ignored, CancellationToken cancellationToken)
    {
        MlpShape shape = model.Shape;
        var scores = new float[data.RowCount * model.Outputs];
        var idle = new ConcurrentBag<MlpScoring>();
        long leftOut = 0;
        ForEachChunk(data, threads, (first, count) =>
        {
            MlpScoring scoring = idle.TryTake(out MlpScoring? used) ? used : new MlpScoring(shape);
            Interlocked.Add(ref leftOut, scoring.Score(parameters.Span, data, first, scores.AsSpan((int)first * model.Outputs, count * model.Outputs)));
            idle.Add(scoring);
        }, cancellationToken);
        foreach (MlpScoring scoring in idle)
            scoring.Dispose();
        ignored = leftOut;
        return scores;
    }

    // Compiled at once: most processes evaluate a few times only.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static long Score(ReadOnlySpan<float> parameters, Dataset data, long first, Span<float> scores)
    {
        ReadOnlySpan<float> weights = parameters[..^1];
        float bias = parameters[^1];
        long ignored = 0;
        for (int i = 0; i < scores.Length; i++)
        {
            SparseRow x = data.Row(first + i);
            int known = Known(x.Indices, weights.Length);
            ignored += x.Indices.Length - known;
            scores[i] = SparseDot.Compute(weights, x.Indices[..known], x.Values[..known]) + bias;
        }
        return ignored;
    }

    private static long ScoreAll(ReadOnlySpan<float> parameters, int outputs, Dataset data, long first, Span<float> scores)
    {
        ReadOnlySpan<float> weights = parameters[..^outputs], biases = parameters[^outputs..];
        long ignored = 0;
        for (int i = 0; i * outputs < scores.Length; i++)
        {
            SparseRow x = data.Row(first + i);
            int known = Known(x.Indices, weights.Length / outputs);
            ignored += x.Indices.Length - known;
            WideScores.Compute(weights, x.Indices[..known], x.Values[..known], biases, scores.Slice(i * outputs, outputs));
        }
        return ignored;
    }

    /// <summary>Loss and metrics of a model.</summary>
    /// <param name="model">Which loss and metrics.</param>
    /// <param name="parameters">By position, as the model's layout says.</param>
    /// <param name="data">Rows.</param>
    /// <param name="labels">The labels' mapping to targets.</param>
    /// <param name="threads">At least 1.</param>
    /// <param name="cancellationToken">Gives up between pieces of the data.</param>
    /// <exception cref="LabelException">A label that the map doesn't know.</exception>
    public static EvaluationResult Compute(ModelSpec model, ReadOnlyMemory<float> parameters, Dataset data, LabelMap labels, int threads, CancellationToken cancellationToken = default)
    {
        float[] scores = Scores(model, parameters, data, threads, out long ignored, cancellationToken);
        if (model.IsMultiLabel)
            return OfClassSets(model, scores, data, labels) with { IgnoredFeatures = ignored };
        var targets = new float[data.RowCount];
        ForEachChunk(data, threads, (first, count) =>
        {
            for (long row = first; row < first + count; row++)
                targets[row] = labels.ToLearning(data.Label(row), row);
        }, cancellationToken);
        ReadOnlySpan<float> weights = data.Weights;
        EvaluationResult result = model.HasClassScores ? OfClasses(model, scores, targets, weights, labels)
            : model.IsRanking ? OfQueries(scores, targets, data)
            : model.IsRegression ? OfTargets(model, scores, targets, weights)
            : OfTwoClasses(model, scores, targets, weights, labels);
        return result with { IgnoredFeatures = ignored };
    }

    private static EvaluationResult OfTargets(ModelSpec model, float[] scores, float[] targets, ReadOnlySpan<float> weights)
    {
        double explained = RegressionError.RSquared(scores, targets, weights);
        return new EvaluationResult(targets.Length, LossSum.Compute(model, scores, targets, weights) / Total(targets.Length, weights), null, null, RegressionError.RootMeanSquare(scores, targets, weights), 0)
        {
            Mae = RegressionError.MeanAbsolute(scores, targets, weights),
            RSquared = double.IsNaN(explained) ? null : explained,
        };
    }

    private static EvaluationResult OfTwoClasses(ModelSpec model, float[] scores, float[] targets, ReadOnlySpan<float> weights, LabelMap labels)
    {
        double loss = LossSum.Compute(model, scores, targets, weights) / Total(targets.Length, weights);
        double auc = RocAuc.Of(scores, targets);
        int[] predicted = Array.ConvertAll(scores, score => score > 0 ? 1 : 0), actual = Array.ConvertAll(targets, target => target > 0 ? 1 : 0);
        return new EvaluationResult(targets.Length, loss, Accuracy.Of(scores, targets, weights), double.IsNaN(auc) ? null : auc, null, 0)
        {
            LogLoss = model.Loss == LossKind.Logistic ? loss : null,
            Classes = ClassFigures.Of(predicted, actual, [labels.Negative, labels.Positive]),
        };
    }

    private const int NdcgPlaces = 10;

    private static EvaluationResult OfQueries(float[] scores, float[] targets, Dataset data)
    {
        double loss = 0, ndcg = 0;
        long queries = 0;
        for (int first = 0, end; first < targets.Length; first = end)
        {
            for (end = first + 1; end < targets.Length && data.Query(end) == data.Query(first); end++)
            {
                // The rows of one query lie side by side.
            }
            ReadOnlySpan<float> own = scores.AsSpan(first, end - first), wanted = targets.AsSpan(first, end - first);
            loss += PairwiseHinge.Query(wanted, own, new float[end - first]);
            ndcg += Metrics.Ndcg.Of(own, wanted, NdcgPlaces);
            queries++;
        }
        return new EvaluationResult(targets.Length, loss / Math.Max(1, targets.Length), null, null, null, 0) { Ndcg = ndcg / Math.Max(1, queries) };
    }

    private static EvaluationResult OfClassSets(ModelSpec model, float[] scores, Dataset data, LabelMap labels)
    {
        int outputs = model.Outputs, rows = (int)data.RowCount;
        var starts = new int[rows + 1];
        var sets = new List<int>();
        var counts = new (long Rows, long Predicted, long Right)[outputs];
        long exact = 0, wrong = 0;
        for (int row = 0; row < rows; row++)
        {
            foreach (float label in data.LabelSet(row))
                sets.Add(labels.ClassOf(label, row));
            starts[row + 1] = sets.Count;
            long before = wrong;
            for (int l = 0, next = starts[row]; l < outputs; l++)
            {
                bool has = next < sets.Count && sets[next] == l, predicted = scores[row * outputs + l] > 0;
                next += has ? 1 : 0;
                counts[l].Rows += has ? 1 : 0;
                counts[l].Predicted += predicted ? 1 : 0;
                counts[l].Right += has && predicted ? 1 : 0;
                wrong += has != predicted ? 1 : 0;
            }
            exact += wrong == before ? 1 : 0;
        }
        double loss = LossSum.OfOutputs(model, scores, new SparseRows(new int[rows + 1], [], [], new float[rows]) { ClassSetStarts = starts, ClassSets = sets.ToArray() });
        long right = counts.Sum(count => count.Right);
        return new EvaluationResult(rows, loss / Math.Max(1, rows), (double)exact / rows, null, null, 0)
        {
            HammingLoss = (double)wrong / ((long)rows * outputs),
            MicroF1 = right == 0 ? 0 : 2.0 * right / counts.Sum(count => count.Rows + count.Predicted),
            Classes = [.. counts.Select((count, l) => new ClassFigures(labels.Classes[l], count.Rows, count.Predicted, count.Right))],
        };
    }

    private static EvaluationResult OfClasses(ModelSpec model, float[] scores, float[] targets, ReadOnlySpan<float> weights, LabelMap labels)
    {
        int outputs = model.Outputs;
        var predicted = new int[targets.Length];
        for (int i = 0; i < predicted.Length; i++)
            predicted[i] = Largest(scores.AsSpan(i * outputs, outputs));
        ClassFigures[] classes = ClassFigures.Of(predicted, Array.ConvertAll(targets, target => (int)target), labels.Classes);
        double loss = LossSum.OfOutputs(model, scores, new SparseRows(new int[targets.Length + 1], [], [], targets) { Weights = weights }) / Total(targets.Length, weights);
        return new EvaluationResult(targets.Length, loss, ShareRight(predicted, targets, weights), null, null, 0)
        {
            LogLoss = model.Loss == LossKind.CrossEntropy ? loss : null,
            MeanCost = model.Costs.Classes == 0 ? null : predicted.Select((one, row) => (double)model.Costs[(int)targets[row], one]).DefaultIfEmpty().Average(),
            Classes = classes,
        };
    }

    // What the rows count together; at least something, so that no rows have a loss of 0.
    private static double Total(long rows, ReadOnlySpan<float> weights)
    {
        double total = weights.IsEmpty ? rows : 0;
        foreach (float weight in weights)
            total += weight;
        return total > 0 ? total : 1;
    }

    private static double ShareRight(int[] predicted, float[] targets, ReadOnlySpan<float> weights)
    {
        double right = 0;
        for (int i = 0; i < predicted.Length; i++)
            right += predicted[i] == (int)targets[i] ? weights.IsEmpty ? 1 : weights[i] : 0;
        return right / (weights.IsEmpty ? predicted.Length : Total(predicted.Length, weights));
    }

    /// <summary>The number of the largest score, the first of equals: the class that is predicted.</summary>
    /// <param name="scores">At least one.</param>
    public static int Largest(ReadOnlySpan<float> scores)
    {
        int largest = 0;
        for (int i = 1; i < scores.Length; i++)
            largest = scores[i] > scores[largest] ? i : largest;
        return largest;
    }

    private static void ForEachChunk(Dataset data, int threads, Action<long, int> action, CancellationToken cancellationToken)
    {
        int chunks = checked((int)((data.RowCount + ChunkRows - 1) / ChunkRows));
        try
        {
            Parallel.For(0, chunks, new ParallelOptions { MaxDegreeOfParallelism = threads, CancellationToken = cancellationToken }, chunk =>
            {
                long first = (long)chunk * ChunkRows;
                action(first, (int)Math.Min(ChunkRows, data.RowCount - first));
            });
        }
        catch (AggregateException failures)
        {
            // What broke one chunk is what happened, not that it happened in parallel.
            ExceptionDispatchInfo.Throw(failures.InnerExceptions[0]);
        }
    }

    // Indices ascend, so that unknown features are a row's tail.
    private static int Known(ReadOnlySpan<uint> indices, int features)
    {
        if (indices.Length == 0 || indices[^1] < features)
            return indices.Length;
        int found = indices.BinarySearch((uint)features);
        return found < 0 ? ~found : found;
    }
}
