#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "encoder/projector_spec.hpp"
#include "model/model_spec.hpp"
#include "sound/log_mel.hpp"

namespace linnet {

/// What makes the tower's rows of a spectrogram: convolutions over its frames, whose bins are
/// columns, or over frames and bins as those over a picture; see Stem.
struct StemSpec {
  struct Step {
    enum class Kind {
      kConvolve,  ///< 3 rows, or squares of 3 x 3, of all columns
      kEach,      ///< the same of each column by itself
      kLinear     ///< each row by itself
    } kind = Kind::kConvolve;
    std::string name;
    int stride = 1;
    std::string norm = {};  ///< of a row's columns; empty: there is none
    std::optional<Activation> activation = {};
    std::int64_t columns = 0;  ///< of its result
  };

  bool bins_are_columns = false;
  std::vector<Step> steps;
  std::string joined = {};  ///< the projection of all that is left of a frame's bins; empty: none
  bool bins_innermost = false;     ///< the file's columns of it; else the convolutions' columns are
  bool frames_innermost = false;   ///< the file's squares; else bins are
  std::int64_t part_frames = 0;    ///< that the convolutions read by themselves; 0: all
  std::string places = {};         ///< learned, of the rows of a part; empty: none
  static constexpr int kSide = 3;  ///< of what is convolved
  static constexpr float kNormEpsilon = 1e-6f;

  std::int64_t rows_of(std::int64_t frames) const;
  std::int64_t stride() const;  ///< of all steps together
};

/// A tower of Conformers (https://arxiv.org/abs/2005.08100) instead of transformers: see Conformer.
/// What is not here is in HearingSpec::tower: heads, what they see, feed-forward parts, norms.
struct ConformerSpec {
  /// How sines and cosines of distances are ordered, which the file has a projection for.
  enum class Waves {
    kApart,   ///< all sines first; of frequencies 10000^(-i / (half - 1))
    kInPairs  ///< by turns; of frequencies 10000^(-i / half)
  } waves = Waves::kInPairs;
  // Names of tensors, after that of a layer.
  std::string_view distances = {};         ///< that projection, or the table
  std::string_view query_factors = {};     ///< of the columns of a head; files may have none
  std::string_view key_factors = {};       ///< the same
  std::string_view query_bias = {};        ///< of queries, where they meet keys; empty: none
  std::string_view distance_bias = {};     ///< of queries, where they meet distances; empty: none
  std::string_view before_attention = {};  ///< a norm
  std::string_view before_convolution = {};
  std::string_view behind_convolution = {};
  /// That of `behind_convolution`; none: its weight is a factor of each column, its bias is added.
  std::optional<NormKind> behind_convolution_kind = {};
  /// What `behind_convolution` learned of batches, if files have that apart; empty: they have
  /// not.
  std::string_view mean = {}, variance = {};
  float variance_epsilon = 1e-5f;
  std::int64_t convolved_columns = 0;  ///< of the convolution; 0: as many as the tower has
  int taps = 0;                        ///< rows that the convolution reads
  bool is_causal = false;  ///< they are the last ones; else as many later as earlier ones
  float query_scale = 1.0f, key_scale = 1.0f;
  /// Rows see only those of their block, which has this many; 0: there are no blocks.
  int block_rows = 0;
  /// For blocks: instead of a projection the file has a table of what distances from -`reach` to
  /// `reach` add to a head's keys (https://arxiv.org/abs/1803.02155); 0: it has a projection.
  int reach = 0;
  int guess_layers = 0;  ///< after this many layers comes CtcFeedback; 0: nowhere

  /// Rows after a row that the convolution reads.
  int later_rows() const { return is_causal ? 0 : taps - 1 - taps / 2; }
};

/// A second tower, of a transformer whose rows see those of their group alone; `steps` stand
/// between it and the first one.
struct GroupSpec {
  std::vector<ProjectorStep> steps;
  int rows = 1;     ///< of a group; the last row is repeated to fill the last one
  ModelSpec tower;  ///< all rows are given
};

/// What is made of a sound, between a spectrogram and a text model: read from the metadata of an
/// `mmproj` file by its family (src/hearing/families/). Convolutions make rows of frames; a tower
/// reads all rows of a chunk, and a projector makes rows of the text model.
struct HearingSpec {
  std::string projector;  ///< the family: `clip.audio.projector_type` or `clip.projector_type`
  MelSpec mel;
  StemSpec stem;
  ModelSpec tower;  ///< of the stem's rows: all of them are given; no layers: no tower
  std::optional<ConformerSpec> conformer;
  std::int64_t chunk_frames = 0;  ///< of the spectrogram, which are heard by themselves
  /// The spectrogram of a chunk is made of its samples alone, and whole frames of them are heard.
  struct Split {
    std::int64_t least_samples = 1;  ///< silence fills fewer up
    /// Samples begin a row even if no frame is left for it: it is zeros for the tower.
    bool begins_rows = false;
  };
  std::optional<Split> split = {};
  /// The silence after a sound is heard to the end of its last chunk.
  bool hears_whole_chunks = false;
  bool adds_kept = false;  ///< what layers keep (ModelSpec::kept_layers) is added to the last one's
  std::optional<GroupSpec> groups;
  std::vector<ProjectorStep> projector_steps;
  /// Text models may have inputs of later layers (ModelSpec::deepstack_layers), to which sounds add
  /// nothing.
  bool leaves_deepstack = false;
  std::int64_t empty_columns = 0;  ///< zeros for these, after a row's columns
  std::string_view before, after;  ///< texts, with special tokens, around a sound

  std::int64_t chunk_rows() const { return stem.rows_of(chunk_frames); }
  // Of a Conformer's layers, which are all the same.
  const AttentionSpec& attention() const { return tower.layers.front().attention; }
  const MlpSpec& mlp() const { return tower.layers.front().mlp; }
  std::int64_t convolved_columns() const {
    return conformer->convolved_columns > 0 ? conformer->convolved_columns : tower.width;
  }
  /// Columns of what a Conformer outputs: of what layers keep (-1: what the first one reads), and
  /// of the last one's rows after them; of others their width.
  std::int64_t projected_columns() const {
    return tower.width * (1 + (adds_kept ? 0 : std::ssize(tower.kept_layers)));
  }
};

/// Rows of groups that `tower_rows` rows of the tower become, if there are groups.
std::int64_t group_rows_of(const HearingSpec& spec, std::int64_t tower_rows);

/// Rows of the text model that `tower_rows` rows of the tower become.
std::int64_t text_rows_of(const HearingSpec& spec, std::int64_t tower_rows);

}  // namespace linnet
