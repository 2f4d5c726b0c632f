using DistSgd.Learning.Data;
using DistSgd.Learning.Models;
using DistSgd.Trainer.Cluster;

namespace DistSgd.Trainer;

/// <summary>k-fold cross-validation: as many trainings, each without one part of the rows, on which it is measured. Everything that is fitted is fitted without that part.</summary>
public static class CrossValidation
{
    /// <summary>Trains once a fold.</summary>
    /// <param name="data">All rows.</param>
    /// <param name="options">How; no test data, nothing held out, and no model file is written.</param>
    /// <param name="folds">How many, at least 2.</param>
    /// <param name="cluster">Where; null: in this process.</param>
    /// <param name="done">Told the number of each fold, from 1, and what it gave.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>What each fold gave; its <see cref="TrainingResult.Test"/> is measured on the part held out.</returns>
    /// <exception cref="TrainingException">As <see cref="SgdTrainer"/>.</exception>
    public static async Task<IReadOnlyList<TrainingResult>> RunAsync(
        Dataset data, TrainingOptions options, int folds, ClusterOptions? cluster = null, Action<int, TrainingResult>? done = null, CancellationToken cancellationToken = default)
    {
        if (TrainingRanges.Folds.Refusal(folds) is { } refusal)
            throw new TrainingException(refusal);
        var results = new TrainingResult[folds];
        for (int fold = 0; fold < folds; fold++)
        {
            TrainingOptions own = options with { HeldOut = HoldOut.Fold(fold, folds), Out = null, SaveEvery = 0, Checkpoint = null, Progress = null };
            results[fold] = cluster is null ? await SgdTrainer.TrainAsync(data, own, cancellationToken) : await SgdTrainer.TrainAsync(data, own, cluster, cancellationToken);
            done?.Invoke(fold + 1, results[fold]);
        }
        return results;
    }

    /// <summary>Mean and standard deviation (of the sample, n − 1) of a figure over folds; null where a fold has none.</summary>
    /// <param name="folds">What the folds gave.</param>
    /// <param name="figure">Of a fold's part held out.</param>
    public static (double Mean, double Deviation)? Spread(IReadOnlyList<TrainingResult> folds, Func<EvaluationResult, double?> figure)
    {
        double?[] values = [.. folds.Select(fold => figure(fold.Test!))];
        if (values.Any(value => value is null))
            return null;
        double mean = values.Average()!.Value;
        return (mean, Math.Sqrt(values.Sum(value => (value!.Value - mean) * (value.Value - mean)) / (values.Length - 1)));
    }
}
