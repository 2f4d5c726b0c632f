using DistSgd.Kernels;
using DistSgd.Learning.Losses;

namespace DistSgd.Learning.Models;

/// <summary>The gradient of models with k scores a row, f = Wx + b.</summary>
internal sealed class ClassGradient(ModelSpec model) : IBatchGradient
{
    public double Compute(in SparseRows rows, ReadOnlySpan<int> batch, ReadOnlySpan<float> parameters, Span<float> gradient, Span<float> scores)
    {
        gradient.Clear();
        var accumulation = new Accumulation(rows, batch, model.Outputs, parameters, gradient, scores);
        OutputLoss.Dispatch(model, rows.Weights.Length > 0, ref accumulation);
        return accumulation.LossSum;
    }

    private ref struct Accumulation : IOutputLossVisitor
    {
        private readonly SparseRows _rows;
        private readonly ReadOnlySpan<int> _batch;
        private readonly int _outputs;
        private readonly ReadOnlySpan<float> _parameters;
        private readonly Span<float> _gradient;
        private readonly Span<float> _scores;

        public Accumulation(in SparseRows rows, ReadOnlySpan<int> batch, int outputs, ReadOnlySpan<float> parameters, Span<float> gradient, Span<float> scores)
        {
            _rows = rows;
            _batch = batch;
            _outputs = outputs;
            _parameters = parameters;
            _gradient = gradient;
            _scores = scores;
        }

        public double LossSum { get; private set; }

        public void Visit<TLoss>(TLoss loss)
            where TLoss : struct, IOutputLoss =>
            LossSum = WideGradient.Accumulate(_rows, _batch, _parameters.Length / _outputs - 1, _outputs, _parameters, _scores, _gradient, loss);
    }
}
