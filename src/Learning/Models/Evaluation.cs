using System.Runtime.CompilerServices;
using System.Runtime.ExceptionServices;
using DistSgd.Kernels;
using DistSgd.Learning.Data;
using DistSgd.Learning.Losses;
using DistSgd.Learning.Metrics;

namespace DistSgd.Learning.Models;

/// <summary>How well a model does on a data set.</summary>
/// <param name="Rows">Rows.</param>
/// <param name="Loss">Mean loss a row, without regulariser.</param>
/// <param name="Accuracy">Share of rows whose sign is right; null in regression.</param>
/// <param name="Auc">Area under the ROC curve; null in regression or with one class only.</param>
/// <param name="Rmse">Root mean square error; null in classification.</param>
/// <param name="IgnoredFeatures">Non-zeros of features that the model doesn't know.</param>
public sealed record EvaluationResult(long Rows, double Loss, double? Accuracy, double? Auc, double? Rmse, long IgnoredFeatures);

/// <summary>Scores data with linear models on several threads.</summary>
public static class Evaluation
{
    private const int ChunkRows = 4096;

    /// <summary>f = w·x + b of each row.</summary>
    /// <param name="parameters">One value a key: the weights, the bias last.</param>
    /// <param name="data">Rows; features that the model doesn't know count as 0.</param>
    /// <param name="threads">At least 1.</param>
    /// <param name="ignored">Non-zeros left out.</param>
    public static float[] Scores(ReadOnlyMemory<float> parameters, Dataset data, int threads, out long ignored)
    {
        var scores = new float[data.RowCount];
        long leftOut = 0;
        ForEachChunk(data, threads, (first, count) =>
        {
            Interlocked.Add(ref leftOut, Score(parameters.Span, data, first, scores.AsSpan((int)first, count)));
        });
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

    /// <summary>Loss and metrics of a model.</summary>
    /// <param name="model">Which loss and metrics.</param>
    /// <param name="parameters">One value a key: the weights, the bias last.</param>
    /// <param name="data">Rows.</param>
    /// <param name="labels">The labels' mapping to targets.</param>
    /// <param name="threads">At least 1.</param>
    /// <exception cref="LabelException">A label that the map doesn't know.</exception>
    public static EvaluationResult Compute(ModelSpec model, ReadOnlyMemory<float> parameters, Dataset data, LabelMap labels, int threads)
    {
        float[] scores = Scores(parameters, data, threads, out long ignored);
        var targets = new float[scores.Length];
        ForEachChunk(data, threads, (first, count) =>
        {
            for (long row = first; row < first + count; row++)
                targets[row] = labels.ToLearning(data.Row(row).Label, row);
        });
        double loss = LossSum.Compute(model, scores, targets) / Math.Max(1, scores.Length);
        if (model.IsRegression)
            return new EvaluationResult(scores.Length, loss, null, null, RegressionError.RootMeanSquare(scores, targets), ignored);
        double auc = RocAuc.Of(scores, targets);
        return new EvaluationResult(scores.Length, loss, Accuracy.Of(scores, targets), double.IsNaN(auc) ? null : auc, null, ignored);
    }

    private static void ForEachChunk(Dataset data, int threads, Action<long, int> action)
    {
        int chunks = checked((int)((data.RowCount + ChunkRows - 1) / ChunkRows));
        try
        {
            Parallel.For(0, chunks, new ParallelOptions { MaxDegreeOfParallelism = threads }, chunk =>
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
