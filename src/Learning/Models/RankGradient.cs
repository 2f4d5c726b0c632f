using DistSgd.Kernels;
using DistSgd.Learning.Losses;

namespace DistSgd.Learning.Models;

/// <summary>The gradient of SVM-rank, f = w·x: rows of one query depend on each other, so that their derivatives come first. There is no bias.</summary>
internal sealed class RankGradient : IBatchGradient
{
    private float[] _derivatives = [];
    private float[] _scratch = [];
    private float[] _scores = [];

    public double Compute(in SparseRows rows, ReadOnlySpan<int> batch, ReadOnlySpan<float> parameters, Span<float> gradient, Span<float> scores)
    {
        gradient.Clear();
        RowScores.Compute(rows, batch, -1, parameters, scores);
        double loss = Derivatives(rows, batch, scores, out SparseRows given);
        SparseGradient.Accumulate(given, batch, -1, parameters, _scores, gradient, default(GivenDerivative));
        return loss;
    }

    /// <summary>The derivatives of the rows' loss in their scores, in place of the rows' labels.</summary>
    public double Derivatives(in SparseRows rows, ReadOnlySpan<int> batch, ReadOnlySpan<float> scores, out SparseRows given)
    {
        if (_derivatives.Length < rows.Count)
        {
            _derivatives = new float[rows.Count];
            _scores = new float[rows.Count];
            _scratch = new float[2 * rows.Count];
        }
        double loss = PairwiseHinge.Batch(rows, batch, scores, _derivatives, _scratch);
        given = new SparseRows(rows.RowStarts, rows.Indices, rows.Values, _derivatives.AsSpan(0, rows.Count));
        return loss;
    }

    /// <summary>Room for scores that nobody wants.</summary>
    public Span<float> Ignored => _scores;
}
