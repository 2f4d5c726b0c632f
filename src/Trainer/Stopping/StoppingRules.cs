using System.Globalization;
using DistSgd.Learning.Formats;

namespace DistSgd.Trainer.Stopping;

/// <summary>What an epoch ended with, as far as stopping depends on it.</summary>
/// <param name="Epoch">Finished epochs.</param>
/// <param name="TrainLoss">Mean loss of the epoch's rows.</param>
/// <param name="TestLoss">Loss on the test set; null: not evaluated.</param>
/// <param name="GradientNorm">Length of the objective's gradient; null: not computed.</param>
internal readonly record struct EpochOutcome(int Epoch, double TrainLoss, double? TestLoss, double? GradientNorm);

/// <summary>What stopping rules know of the epochs so far.</summary>
/// <param name="BestLoss">The least test loss; infinite: none yet.</param>
/// <param name="BestEpoch">The epoch it was reached in; 0: none yet.</param>
/// <param name="EvaluationsWithout">Evaluations since then.</param>
/// <param name="TrainLoss">The last epoch's training loss; NaN: none yet.</param>
internal readonly record struct StoppingState(double BestLoss, int BestEpoch, int EvaluationsWithout, double TrainLoss)
{
    /// <summary>Before the first epoch.</summary>
    public static StoppingState None { get; } = new(double.PositiveInfinity, 0, 0, double.NaN);
}

/// <summary>Decides after each epoch whether a training has done what it can. Pure: figures come in, decisions go out; one thread at a time.</summary>
/// <param name="tolerance">Least relative change of the training loss; null: any will do.</param>
/// <param name="gradientTolerance">Length of gradient that is small enough; null: none is.</param>
/// <param name="patience">Evaluations that the test loss may go without improving; null: any number.</param>
internal sealed class StoppingRules(double? tolerance, double? gradientTolerance, int? patience)
{
    private double _trainLoss = double.NaN;
    private double _norm;
    private double _change;
    private int _epoch;
    private int _evaluationsWithout;

    /// <summary>The least test loss so far.</summary>
    public double BestLoss { get; private set; } = double.PositiveInfinity;

    /// <summary>The epoch it was reached in; 0: none yet.</summary>
    public int BestEpoch { get; private set; }

    /// <summary>What is known by now; set where a training goes on from another.</summary>
    public StoppingState State
    {
        get => new(BestLoss, BestEpoch, _evaluationsWithout, _trainLoss);
        set => (BestLoss, BestEpoch, _evaluationsWithout, _trainLoss) = (value.BestLoss, value.BestEpoch, value.EvaluationsWithout, value.TrainLoss);
    }

    /// <summary>True if the last outcome's test loss is the best.</summary>
    public bool IsBest => BestEpoch == _epoch && _epoch > 0;

    /// <summary>Takes what an epoch ended with.</summary>
    /// <returns>The rule that ends the training; null: it goes on.</returns>
    public EndReason? Observe(in EpochOutcome outcome)
    {
        _epoch = outcome.Epoch;
        (_change, _trainLoss) = (Math.Abs(outcome.TrainLoss - _trainLoss) / Math.Max(double.Epsilon, Math.Abs(_trainLoss)), outcome.TrainLoss);
        _norm = outcome.GradientNorm ?? double.NaN;
        if (outcome.TestLoss is { } loss)
        {
            bool improves = loss < BestLoss;
            _evaluationsWithout = improves ? 0 : _evaluationsWithout + 1;
            if (improves)
                (BestLoss, BestEpoch) = (loss, outcome.Epoch);
        }
        // NaN, where there is nothing to compare with yet, is below nothing.
        return _norm <= gradientTolerance ? EndReason.GradientTolerance
            : _change < tolerance ? EndReason.Tolerance
            : _evaluationsWithout >= patience ? EndReason.Patience
            : null;
    }

    /// <summary>One sentence: which rule ended the training, with its figures.</summary>
    /// <param name="reason">What <see cref="Observe"/> gave, or a bound.</param>
    /// <param name="stepsMax">The bound on steps.</param>
    /// <param name="secondsMax">The bound on seconds.</param>
    public string Explain(EndReason reason, long? stepsMax, double? secondsMax) => reason switch
    {
        EndReason.Steps => F($"--steps-max {stepsMax}: as many steps are done, in epoch {_epoch}"),
        EndReason.Seconds => F($"--seconds-max {secondsMax}: the time is up, in epoch {_epoch}"),
        EndReason.Tolerance => F($"--tolerance {tolerance}: epoch {_epoch} changed the training loss by {_change:G3} of it"),
        EndReason.GradientTolerance => F($"--gradient-tolerance {gradientTolerance}: after epoch {_epoch} the gradient's length is {_norm:G3}"),
        EndReason.Patience => F($"--patience {patience}: the test loss has not improved for {Plural.Of(_evaluationsWithout, "evaluation")} after epoch {BestEpoch}"),
        _ => F($"all of {Plural.Of(_epoch, "epoch")} are done"),
    };

    private static string F(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
