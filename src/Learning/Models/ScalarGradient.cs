using DistSgd.Kernels;
using DistSgd.Learning.Losses;

namespace DistSgd.Learning.Models;

/// <summary>The gradient of models with one score a row, f = w·x + b.</summary>
internal sealed class ScalarGradient(ModelSpec model) : IBatchGradient
{
    private readonly VisitedLosses _losses = new();

    public double Compute(in SparseRows rows, ReadOnlySpan<int> batch, ReadOnlySpan<float> parameters, Span<float> gradient, Span<float> scores)
    {
        gradient.Clear();
        var accumulation = new Accumulation(rows, batch, parameters, gradient, scores);
        ScoreLoss.Dispatch(model, ref accumulation);
        return _losses.Sum(model, rows, batch, scores);
    }

    private readonly ref struct Accumulation : IScoreLossVisitor
    {
        private readonly SparseRows _rows;
        private readonly ReadOnlySpan<int> _batch;
        private readonly ReadOnlySpan<float> _parameters;
        private readonly Span<float> _gradient;
        private readonly Span<float> _scores;

        public Accumulation(in SparseRows rows, ReadOnlySpan<int> batch, ReadOnlySpan<float> parameters, Span<float> gradient, Span<float> scores)
        {
            _rows = rows;
            _batch = batch;
            _parameters = parameters;
            _gradient = gradient;
            _scores = scores;
        }

        public void Visit<TLoss>(TLoss loss)
            where TLoss : struct, IScoreLoss =>
            SparseGradient.Accumulate(_rows, _batch, _parameters.Length - 1, _parameters, _scores, _gradient, loss);
    }
}
