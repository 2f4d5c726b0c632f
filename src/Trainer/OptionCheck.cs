using DistSgd.Learning.Data;
using DistSgd.Learning.Models;

namespace DistSgd.Trainer;

/// <summary>Refuses options that make no sense, before any work.</summary>
internal static class OptionCheck
{
    private const int ThreadsMax = 1024;

    /// <exception cref="TrainingException">The message names the option, its value and what was expected.</exception>
    public static void Throw(TrainingOptions options, Dataset data, Deployment deployment)
    {
        Require(data.RowCount > 0, "The training data has no rows.");
        Require(options.Epochs is null or > 0, $"--epochs is {options.Epochs}; expected at least 1.");
        Require(options.Batch > 0, $"--batch is {options.Batch}; expected at least 1.");
        Require(options.LocalSteps is null or >= 0, $"--local-steps is {options.LocalSteps}; expected 0 (push gradients) or more.");
        Require((long)options.Batch * Math.Max(1, options.LocalSteps ?? 1) <= int.MaxValue, $"--batch {options.Batch} times --local-steps {options.LocalSteps} is too large; expected below 2^31 rows.");
        Require(options.Prefetch is null or 0 or 1, $"--prefetch is {options.Prefetch}; expected 0 or 1.");
        Require(options.Shards is null or > 0, $"--shards is {options.Shards}; expected at least 1.");
        Require(options.Threads is null or (> 0 and <= ThreadsMax), $"--threads is {options.Threads}; expected 1 to {ThreadsMax}.");
        Require(options.SaveEvery >= 0, $"--save-every is {options.SaveEvery}; expected 0 (only at the end) or more.");
        Require(options.SaveEvery == 0 || options.Out is not null, $"--save-every {options.SaveEvery} is given without --out; name the model file.");
        Require(options.HuberDelta is null || options.Loss == LossKind.Huber, $"--huber-delta {options.HuberDelta} is given without --loss huber.");
        Positive("--C", options.C);
        Require(options.C is null || options.L2 is null, $"--C {options.C} and --l2 {options.L2} are both given; they are one strength, l2 = 1/(rows C). Give one.");
        Positive("--max-norm", options.MaxNorm);
        Require(options.MaxNorm is null || options.Exchange != ExchangeKind.Sparse, $"--max-norm {options.MaxNorm} needs all weights at once; --exchange sparse moves some. Leave one out.");
        Require(options.MaxNorm is null || options.LocalSteps != 0, $"--max-norm {options.MaxNorm} projects a worker's weights, but with --local-steps 0 workers push gradients. Leave one out.");
        Positive("--margin", options.Margin);
        Positive("--huber-delta", options.HuberDelta);
        Positive("--learning-rate", options.LearningRate);
        NotNegative("--l1", options.L1);
        NotNegative("--l2", options.L2);
        NotNegative("--decay", options.Decay);
        Require(data.RowCount >= deployment.Workers, $"{deployment.Workers} workers or threads for {data.RowCount} rows; expected at most one a row.");
        Require(data.FeatureCount < uint.MaxValue, $"The data has {data.FeatureCount:N0} features; at most {uint.MaxValue - 1:N0} fit a job.");
    }

    private static void Positive(string option, double? value) =>
        Require(value is null || (double.IsFinite(value.Value) && value > 0), $"{option} is {value}; expected a positive number.");

    private static void NotNegative(string option, double? value) =>
        Require(value is null || (double.IsFinite(value.Value) && value >= 0), $"{option} is {value}; expected 0 or more.");

    private static void Require(bool condition, string message)
    {
        if (!condition)
            throw new TrainingException(message);
    }
}
