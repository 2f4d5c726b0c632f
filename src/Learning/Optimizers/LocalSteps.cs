using DistSgd.Kernels;
using DistSgd.Learning.Losses;
using DistSgd.Learning.Models;

namespace DistSgd.Learning.Optimizers;

/// <summary>
/// The inner loop of training on one block: either steps on a replica (entries of the block's or the job's keys), or one mean gradient.
/// Holds scratch; one thread at a time.
/// </summary>
/// <param name="model">Model and loss.</param>
/// <param name="rule">Which update rule.</param>
/// <param name="batch">Rows in a mini-batch.</param>
/// <param name="gradients">Makes gradients; null: the model's.</param>
public sealed class LocalSteps(ModelSpec model, UpdateRule rule, int batch, IBatchGradient? gradients = null)
{
    /// <summary>The part of the rate at which a lone bias moves with SGD, in (0, 1].</summary>
    public float BiasShare { get; init; } = 1;

    private readonly IBatchGradient _gradients = gradients ?? BatchGradient.Of(model);
    private float[] _gradient = [];
    private uint[] _touched = [];
    private bool[] _isTouched = [];
    private readonly VisitedLosses _losses = new();

    /// <summary>Steps over all rows in the given order, mini-batch by mini-batch, at one learning rate. No regulariser acts.</summary>
    /// <param name="rows">The block's rows.</param>
    /// <param name="order">The order in which rows are visited; a permutation of the rows.</param>
    /// <param name="rate">η.</param>
    /// <param name="biasIndex">Place of the bias among the replica's keys.</param>
    /// <param name="replica">Entries; changed.</param>
    /// <param name="scores">Filled, in visiting order, with each row's k scores just before its step.</param>
    public StepFigures Step(in SparseRows rows, ReadOnlySpan<int> order, float rate, int biasIndex, Span<float> replica, Span<float> scores)
    {
        int steps = (order.Length + batch - 1) / batch;
        if (model.HasClassScores)
        {
            var wide = new ClassRun(this, rows, order, rate, biasIndex, replica, scores);
            OutputLoss.Dispatch(model, rows.Weights.Length > 0, ref wide);
            return new StepFigures(steps, wide.LossSum);
        }
        if (model.IsRanking)
            return StepQueries(rows, order, rate, replica, scores);
        var run = new ScalarRun(this, rows, order, rate, biasIndex, replica, scores);
        ScoreLoss.Dispatch(model, ref run);
        return new StepFigures(steps, _losses.Sum(model, rows, order, scores));
    }

    /// <summary>The mean gradient of all rows at the given parameters.</summary>
    /// <param name="rows">The block's rows.</param>
    /// <param name="order">The order in which rows are visited.</param>
    /// <param name="parameters">The values by position, without optimizer state.</param>
    /// <param name="gradient">As long; overwritten.</param>
    /// <param name="scores">Filled in visiting order, k a row.</param>
    /// <returns>One step and the sum of the rows' losses.</returns>
    public StepFigures Gradient(in SparseRows rows, ReadOnlySpan<int> order, ReadOnlySpan<float> parameters, Span<float> gradient, Span<float> scores) =>
        new(1, _gradients.Compute(rows, order, parameters, gradient, scores));

    // A step is a number of whole queries.
    private StepFigures StepQueries(in SparseRows rows, ReadOnlySpan<int> order, float rate, Span<float> replica, Span<float> scores)
    {
        var ranking = (RankGradient)_gradients;
        bool adaGrad = rule.Optimizer == OptimizerKind.AdaGrad;
        if (adaGrad)
            ReserveGradient(replica.Length / 2);
        double loss = 0;
        int steps = 0;
        for (int first = 0; first < order.Length; steps++)
        {
            int end = first;
            for (int queries = 0; queries < batch && end < order.Length; queries++)
                end += PairwiseHinge.Count(rows, order, end);
            ReadOnlySpan<int> part = order[first..end];
            Span<float> own = scores[first..end];
            if (adaGrad)
                RowScores.ComputeOfPairs(rows, part, -1, replica, own);
            else
                RowScores.Compute(rows, part, -1, replica, own);
            loss += ranking.Derivatives(rows, part, own, out SparseRows given);
            if (adaGrad)
                SparseAdaGradRun.MiniBatch(given, part, part.Length, rate, rule[RuleConstant.Delta], -1, replica, ranking.Ignored, _gradient, _touched, default(GivenDerivative));
            else
                SparseSgdRun.MiniBatch(given, part, part.Length, rate, 0, -1, replica, ranking.Ignored, default(GivenDerivative));
            first = end;
        }
        return new StepFigures(steps, loss);
    }

    private void ReserveGradient(int positions)
    {
        if (_gradient.Length >= positions)
            return;
        _gradient = new float[positions];
        _touched = new uint[positions / model.Outputs + 1];
        if (model.HasClassScores)
            _isTouched = new bool[_touched.Length];
    }

    // The fused kernels, for one loss.
    private readonly ref struct ScalarRun : IScoreLossVisitor
    {
        private readonly LocalSteps _steps;
        private readonly UpdateRule _rule;
        private readonly int _batch;
        private readonly SparseRows _rows;
        private readonly ReadOnlySpan<int> _order;
        private readonly float _rate;
        private readonly int _bias;
        private readonly Span<float> _replica;
        private readonly Span<float> _scores;

        public ScalarRun(LocalSteps steps, in SparseRows rows, ReadOnlySpan<int> order, float rate, int bias, Span<float> replica, Span<float> scores)
        {
            (_steps, _rule, _batch) = (steps, steps.Rule, steps.Batch);
            _rows = rows;
            _order = order;
            (_rate, _bias) = (rate, bias);
            _replica = replica;
            _scores = scores;
        }

        public void Visit<TLoss>(TLoss loss)
            where TLoss : struct, IScoreLoss
        {
            bool adaGrad = _rule.Optimizer == OptimizerKind.AdaGrad;
            if (_batch == 1 && adaGrad)
            {
                SparseAdaGradRun.Online(_rows, _order, _rate, _rule[RuleConstant.Delta], _bias, _replica, _scores, loss);
            }
            else if (_batch == 1)
            {
                SparseSgdRun.Online(_rows, _order, _rate, _steps.BiasShare * _rate, _bias, _replica, _scores, loss);
            }
            else if (!adaGrad)
            {
                SparseSgdRun.MiniBatch(_rows, _order, _batch, _rate, _steps.BiasShare * _rate, _bias, _replica, _scores, loss);
            }
            else
            {
                _steps.ReserveGradient(_replica.Length / 2);
                SparseAdaGradRun.MiniBatch(_rows, _order, _batch, _rate, _rule[RuleConstant.Delta], _bias, _replica, _scores, _steps._gradient, _steps._touched, loss);
            }
        }
    }

    // The same for losses of k scores.
    private ref struct ClassRun : IOutputLossVisitor
    {
        private readonly LocalSteps _steps;
        private readonly SparseRows _rows;
        private readonly ReadOnlySpan<int> _order;
        private readonly float _rate;
        private readonly int _bias;
        private readonly Span<float> _replica;
        private readonly Span<float> _scores;

        public ClassRun(LocalSteps steps, in SparseRows rows, ReadOnlySpan<int> order, float rate, int bias, Span<float> replica, Span<float> scores)
        {
            _steps = steps;
            _rows = rows;
            _order = order;
            (_rate, _bias) = (rate, bias);
            _replica = replica;
            _scores = scores;
        }

        public double LossSum { get; private set; }

        public void Visit<TLoss>(TLoss loss)
            where TLoss : struct, IOutputLoss
        {
            (int batch, int outputs, float delta) = (_steps.Batch, _steps.Outputs, _steps.Rule[RuleConstant.Delta]);
            if (_steps.Rule.Optimizer == OptimizerKind.Sgd)
            {
                LossSum = WideSgdRun.Run(_rows, _order, batch, _rate, _bias, outputs, _replica, _scores, loss);
            }
            else if (batch == 1)
            {
                LossSum = WideAdaGradRun.Online(_rows, _order, _rate, delta, _bias, outputs, _replica, _scores, loss);
            }
            else
            {
                _steps.ReserveGradient(_replica.Length / 2);
                LossSum = WideAdaGradRun.MiniBatch(_rows, _order, batch, _rate, delta, _bias, outputs, _replica, _scores, _steps._gradient, _steps._touched, _steps._isTouched, loss);
            }
        }
    }

    private int Outputs => model.Outputs;

    private UpdateRule Rule => rule;

    private int Batch => batch;
}

/// <summary>What steps over rows gave besides changed parameters.</summary>
/// <param name="Steps">Mini-batches.</param>
/// <param name="LossSum">Sum of the rows' losses, each just before its step.</param>
public readonly record struct StepFigures(int Steps, double LossSum);
