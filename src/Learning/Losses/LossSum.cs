using DistSgd.Kernels;
using DistSgd.Learning.Models;

namespace DistSgd.Learning.Losses;

/// <summary>
/// Sums of losses over scores, logistic in float32 over 512 rows, the others in float64 from the row on. Used for progress and evaluation; training needs derivatives only.
/// </summary>
public static class LossSum
{
    /// <summary>Sum of the model's loss over all rows.</summary>
    /// <param name="model">Which loss.</param>
    /// <param name="scores">f = w·x + b of each row.</param>
    /// <param name="labels">Target of each row: ±1 in classification, real in regression. As many as scores.</param>
    /// <exception cref="ArgumentException">The lengths differ.</exception>
    public static double Compute(ModelSpec model, ReadOnlySpan<float> scores, ReadOnlySpan<float> labels)
    {
        if (scores.Length != labels.Length)
            throw new ArgumentException($"{scores.Length} scores but {labels.Length} labels.", nameof(labels));
        return Compute(model, scores, labels, []);
    }

    /// <summary>Sum of the model's loss over all rows, each times its weight.</summary>
    /// <param name="model">Which loss.</param>
    /// <param name="scores">f = w·x + b of each row.</param>
    /// <param name="labels">Target of each row.</param>
    /// <param name="weights">One a row; empty: each counts 1.</param>
    /// <exception cref="ArgumentException">The lengths differ.</exception>
    public static double Compute(ModelSpec model, ReadOnlySpan<float> scores, ReadOnlySpan<float> labels, ReadOnlySpan<float> weights)
    {
        if (weights.Length > 0 && weights.Length != scores.Length)
            throw new ArgumentException($"{scores.Length} scores but {weights.Length} weights.", nameof(weights));
        if (model.Loss == LossKind.Logistic && weights.IsEmpty)
            return LogisticLossSum.Compute(scores, labels);
        var sum = new Summation(scores, labels, weights);
        ScoreLoss.Dispatch(model, ref sum);
        return sum.Total;
    }

    /// <summary>Sum of the loss of a model with k scores a row.</summary>
    /// <param name="model">Which loss.</param>
    /// <param name="scores">k a row.</param>
    /// <param name="rows">The rows' labels.</param>
    public static double OfOutputs(ModelSpec model, ReadOnlySpan<float> scores, in SparseRows rows)
    {
        var sum = new OutputSummation(rows, scores, model.Outputs);
        OutputLoss.Dispatch(model, rows.Weights.Length > 0, ref sum);
        return sum.Total;
    }

    /// <summary>The loss of each row, without its weight.</summary>
    /// <param name="model">A model whose rows have losses of their own.</param>
    /// <param name="rows">The block.</param>
    /// <param name="order">The rows as they were visited.</param>
    /// <param name="scores">k of each visit.</param>
    /// <param name="losses">Receives the loss of each row of the block.</param>
    public static void OfRows(ModelSpec model, in SparseRows rows, ReadOnlySpan<int> order, ReadOnlySpan<float> scores, Span<float> losses)
    {
        var each = new EachLoss(rows, order, scores, losses, model.Outputs);
        if (model.HasClassScores)
            OutputLoss.Dispatch(model, weighted: false, ref each);
        else
            ScoreLoss.Dispatch(model, ref each);
    }

    private const int StackFloatsMax = 256;

    private readonly ref struct EachLoss : IScoreLossVisitor, IOutputLossVisitor
    {
        private readonly SparseRows _rows;
        private readonly ReadOnlySpan<int> _order;
        private readonly ReadOnlySpan<float> _scores;
        private readonly Span<float> _losses;
        private readonly int _outputs;

        public EachLoss(in SparseRows rows, ReadOnlySpan<int> order, ReadOnlySpan<float> scores, Span<float> losses, int outputs)
        {
            _rows = rows;
            _order = order;
            _scores = scores;
            _losses = losses;
            _outputs = outputs;
        }

        void IScoreLossVisitor.Visit<TLoss>(TLoss loss)
        {
            for (int i = 0; i < _order.Length; i++)
                _losses[_order[i]] = (float)loss.Value(_scores[i], _rows.Labels[_order[i]]);
        }

        void IOutputLossVisitor.Visit<TLoss>(TLoss loss)
        {
            Span<float> derivative = _outputs <= StackFloatsMax ? stackalloc float[_outputs] : new float[_outputs];
            for (int i = 0; i < _order.Length; i++)
                loss.Derivative(_rows, _order[i], _scores.Slice(i * _outputs, _outputs), derivative, out _losses[_order[i]]);
        }
    }

    private ref struct OutputSummation : IOutputLossVisitor
    {
        private readonly SparseRows _rows;
        private readonly ReadOnlySpan<float> _scores;
        private readonly int _outputs;

        public OutputSummation(in SparseRows rows, ReadOnlySpan<float> scores, int outputs)
        {
            _rows = rows;
            _scores = scores;
            _outputs = outputs;
        }

        public double Total { get; private set; }

        public void Visit<TLoss>(TLoss loss)
            where TLoss : struct, IOutputLoss
        {
            var derivative = new float[_outputs];
            double sum = 0;
            for (int row = 0; row < _rows.Count; row++)
            {
                loss.Derivative(_rows, row, _scores.Slice(row * _outputs, _outputs), derivative, out float one);
                sum += one;
            }
            Total = sum;
        }
    }

    private ref struct Summation(ReadOnlySpan<float> scores, ReadOnlySpan<float> labels, ReadOnlySpan<float> weights) : IScoreLossVisitor
    {
        private readonly ReadOnlySpan<float> _scores = scores;
        private readonly ReadOnlySpan<float> _labels = labels;
        private readonly ReadOnlySpan<float> _weights = weights;

        public double Total { get; private set; }

        public void Visit<TLoss>(TLoss loss)
            where TLoss : struct, IScoreLoss
        {
            double sum = 0;
            for (int i = 0; i < _scores.Length; i++)
                sum += loss.Value(_scores[i], _labels[i]) * (_weights.IsEmpty ? 1f : _weights[i]);
            Total = sum;
        }
    }
}
