#include "hub/download.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <span>

#include "base/checked.hpp"
#include "base/units.hpp"
#include "hub/blob_download.hpp"
#include "hub/cache.hpp"
#include "hub/file_lock.hpp"
#include "hub/http_client.hpp"
#include "hub/interruption.hpp"
#include "hub/partial_file.hpp"
#include "hub/remote_file.hpp"

namespace linnet::hub {
namespace {

namespace fs = std::filesystem;

// Headers are as long as their vocabulary: 2 to 20 MiB in practice.
constexpr std::uint64_t kFirstHeaderBytes = 2 * kMiB;
constexpr std::uint64_t kMostHeaderBytes = 64 * kMiB;

HttpClient::Options client_options(const Settings& settings, std::function<bool()> keep_going) {
  return {.home = settings.endpoint,
          .token = settings.token,
          .certificates = settings.certificates,
          .connect_timeout = settings.connect_timeout,
          .stall_timeout = settings.stall_timeout,
          .keep_going = std::move(keep_going)};
}

std::optional<std::uint64_t> size_on_disk(const fs::path& path) {
  std::error_code failure;
  const std::uint64_t size = fs::file_size(path, failure);
  if (failure) return std::nullopt;
  return size;
}

bool begins_as_gguf(std::span<const std::byte> bytes) {
  constexpr std::array kMagic = {std::byte{'G'}, std::byte{'G'}, std::byte{'U'}, std::byte{'F'}};
  return bytes.size() >= kMagic.size() && std::equal(kMagic.begin(), kMagic.end(), bytes.begin());
}

// One call of fetch().
class Fetch {
 public:
  Fetch(const RepoFile& file, const Settings& settings, const Events& events)
      : file_(file),
        settings_(settings),
        events_(events),
        names_(part_names(file.name)),
        cache_(settings.cache, file.repo),
        keep_going_([this] { return report_progress(); }),
        client_(client_options(settings, keep_going_)) {}

  Result<fs::path> run() {
    const auto cached = find_all();
    if (cached && is_commit(file_.revision)) return *cached;
    if (settings_.offline) return cached ? Result<fs::path>(*cached) : not_cached();
    if (Status status = look_up_all(); !status) return status.error();
    if (!failure_.empty()) return fall_back(cached);
    // A cache that holds all may be one that cannot be written.
    if (!std::ranges::all_of(remotes_,
                             [&](const RemoteFile& remote) { return is_shown(remote); })) {
      if (Status status = bring_all(); !status) return status.error();
    }
    const std::string& commit = remotes_.front().commit;
    if (Status status = cache_.remember(file_.revision, commit); !status) {
      note(status.error().message + ", so without network the file will not be found");
    }
    // Who interrupts during the last steps must not see the work go on.
    if (!keep_going_()) return interruption();
    return cache_.snapshot(commit, names_.front());
  }

 private:
  // The first part, if all are there.
  std::optional<fs::path> find_all() const {
    for (const std::string& name : names_) {
      if (!cache_.find(file_.revision, name)) return std::nullopt;
    }
    return cache_.find(file_.revision, names_.front());
  }

  Error not_cached() const {
    return Error{
        fmt::format("{} of {} (revision {}) is not in {}, and HF_HUB_OFFLINE forbids to "
                    "download it",
                    file_.name, file_.repo, file_.revision, settings_.cache.string())};
  }

  // All parts from one commit, even if the branch moves on meanwhile.
  Status look_up_all() {
    RepoFile asked = file_;
    for (const std::string& name : names_) {
      asked.name = name;
      auto found = look_up(client_, settings_, asked);
      if (!found) return found.error();
      if (!found->file) {
        failure_ = found->failure;
        return {};
      }
      asked.revision = found->file->commit;
      remotes_.push_back(std::move(*found->file));
    }
    return {};
  }

  Result<fs::path> fall_back(const std::optional<fs::path>& cached) const {
    if (!cached) {
      return Error{
          fmt::format("{} of {} cannot be downloaded: {}", file_.name, file_.repo, failure_)};
    }
    note(fmt::format(
        "the Hub could not be asked ({}), so the file that was fetched earlier is used", failure_));
    return *cached;
  }

  void note(const std::string& text) const {
    if (events_.note) events_.note(text);
  }

  Status bring_all() {
    // Until the links and the revision are written.
    auto lock = cache_.prepare(keep_going_);
    if (!lock) return lock.error();
    lock_.emplace(std::move(*lock));
    if (Status status = check_disk_space(); !status) return status;
    for (const RemoteFile& remote : remotes_) {
      if (Status status = bring(remote); !status) return status;
    }
    for (const RemoteFile& remote : remotes_) {
      if (Status status = show(remote); !status) return status;
    }
    return {};
  }

  // Where a whole file lies; nothing if it has to be fetched.
  std::optional<fs::path> place(const RemoteFile& remote) const {
    for (const fs::path& path :
         {cache_.snapshot(remote.commit, remote.name), cache_.blob(remote.etag)}) {
      if (size_on_disk(path) == remote.size_bytes) return path;
    }
    return std::nullopt;
  }

  // Also finds the sizes that preview and progress tell.
  Status check_disk_space() {
    std::uint64_t needed = 0;
    for (const RemoteFile& remote : remotes_) {
      const auto sum = checked_add(model_bytes_, remote.size_bytes);
      if (!sum) return Error{fmt::format("{}: is said to be impossibly large", file_.name)};
      model_bytes_ = *sum;
      if (place(remote)) continue;
      progress_.total_bytes += remote.size_bytes;
      needed += remote.size_bytes -
                std::min(remote.size_bytes, size_on_disk(cache_.partial(remote.etag)).value_or(0));
    }
    std::error_code failure;
    const fs::path folder = cache_.blobs();  // which may be a link to another disk
    const fs::space_info space = fs::space(folder, failure);
    if (failure || needed <= space.available) return {};
    return Error{fmt::format("{}: needs {} MiB of disk, and {} has {} MiB left", file_.name,
                             needed / kMiB + 1, folder.string(), space.available / kMiB)};
  }

  // Puts the blob into the cache.
  Status bring(const RemoteFile& remote) {
    if (const auto path = place(remote)) return preview_existing(remote, *path);
    progress_.file = remote.name;
    progress_.waiting = true;
    auto lock = FileLock::acquire(cache_.lock(remote.etag), keep_going_);
    progress_.waiting = false;
    if (!lock) return lock.error();
    if (!place(remote)) {  // else another process has just brought it
      if (Status status = download(remote); !status) return status;
    }
    finished_bytes_ += remote.size_bytes;
    return {};
  }

  Status download(const RemoteFile& remote) {
    auto partial = PartialFile::open(cache_.partial(remote.etag), remote.size_bytes, keep_going_);
    if (!partial) return partial.error();
    BlobDownload blob(client_, settings_, file_, remote, *partial);
    partial_ = &*partial;
    blob_ = &blob;
    Status status = preview_growing(remote, blob, *partial);
    if (status) status = blob.finish();
    if (status) status = partial->publish(cache_.blob(remote.etag));
    partial_ = nullptr;
    blob_ = nullptr;
    received_bytes_ += blob.received_bytes();
    return status;
  }

  bool needs_preview(const RemoteFile& remote) const {
    return &remote == &remotes_.front() && progress_.total_bytes > 0 && events_.preview &&
           remote.name.ends_with(".gguf");
  }

  Status preview_existing(const RemoteFile& remote, const fs::path& path) {
    if (!needs_preview(remote)) return {};
    const auto beginning = read_beginning(remote, path, [](std::uint64_t) { return Status(); });
    return beginning ? preview(*beginning) : beginning.error();
  }

  // The header is the beginning of the download, so that nothing is transferred twice.
  Status preview_growing(const RemoteFile& remote, BlobDownload& blob, PartialFile& partial) {
    if (!needs_preview(remote)) return {};
    const bool is_new = partial.size_bytes() == 0;
    const auto grow = [&](std::uint64_t end) { return blob.fetch_until(end); };
    auto beginning = read_beginning(remote, partial.path(), grow);
    if (!beginning) return beginning.error();
    if (!beginning->model && !is_new) {  // an earlier run's bytes may be wrong
      if (Status status = partial.restart(); !status) return status;
      beginning = read_beginning(remote, partial.path(), grow);
      if (!beginning) return beginning.error();
    }
    Status status = preview(*beginning);
    if (!status && (is_new || !beginning->model)) partial.discard();
    return status;
  }

  // What the first bytes of a file are: a model, or why they are none.
  struct Beginning {
    std::optional<ModelPreview> model;
    Error error;
  };

  Status preview(const Beginning& beginning) const {
    return beginning.model ? events_.preview(*beginning.model) : Status(beginning.error);
  }

  // `grow(n)` sees to it that `path` has its first n bytes: how long a header is shows only when it
  // has been read.
  Result<Beginning> read_beginning(const RemoteFile& remote, const fs::path& path,
                                   const std::function<Status(std::uint64_t)>& grow) const {
    const std::uint64_t most = std::min(remote.size_bytes, kMostHeaderBytes);
    for (std::uint64_t end = std::min(most, kFirstHeaderBytes);; end = std::min(most, 2 * end)) {
      if (Status status = grow(end); !status) return status.error();
      auto bytes = read_first(path, end);
      if (!bytes) return bytes.error();
      auto model = preview_model(*bytes, remote.size_bytes, remote.name, model_bytes_,
                                 static_cast<int>(remotes_.size()));
      if (model) return Beginning{std::move(*model), {}};
      if (end == most || !begins_as_gguf(*bytes)) return Beginning{std::nullopt, model.error()};
    }
  }

  bool is_shown(const RemoteFile& remote) const {
    return size_on_disk(cache_.snapshot(remote.commit, remote.name)) == remote.size_bytes;
  }

  // Makes the file appear in the snapshot.
  Status show(const RemoteFile& remote) const {
    if (is_shown(remote)) return {};
    return cache_.link(remote.etag, remote.commit, remote.name);
  }

  bool report_progress() {
    progress_.done_bytes = finished_bytes_ + (partial_ ? partial_->size_bytes() : 0);
    progress_.received_bytes = received_bytes_ + (blob_ ? blob_->received_bytes() : 0);
    return !events_.progress || events_.progress(progress_);
  }

  const RepoFile& file_;
  const Settings& settings_;
  const Events& events_;
  const std::vector<std::string> names_;  // of all parts
  const Cache cache_;
  const std::function<bool()> keep_going_;
  HttpClient client_;
  std::optional<FileLock> lock_;
  std::vector<RemoteFile> remotes_;
  std::string failure_;  // why the Hub could not be asked
  std::uint64_t model_bytes_ = 0;
  std::uint64_t finished_bytes_ = 0;
  std::uint64_t received_bytes_ = 0;
  Progress progress_;
  const PartialFile* partial_ = nullptr;  // the one that grows now
  const BlobDownload* blob_ = nullptr;
};

}  // namespace

Result<fs::path> fetch(const RepoFile& file, const Settings& settings, const Events& events) {
  if (Status status = file.check(); !status) return status.error();
  return Fetch(file, settings, events).run();
}

Result<std::vector<std::string>> list_models(const std::string& repo, const std::string& revision,
                                             const Settings& settings,
                                             const std::function<bool()>& keep_going) {
  if (Status status = check_repo(repo); !status) return status.error();
  if (Status status = check_revision(revision); !status) return status.error();
  std::string failure = "HF_HUB_OFFLINE forbids to ask";
  if (!settings.offline) {
    HttpClient client(client_options(settings, keep_going));
    auto listing =
        list_gguf_files(client, settings, {.repo = repo, .name = "", .revision = revision});
    if (!listing) return listing.error();
    if (listing->names) return std::move(*listing->names);
    failure = listing->failure;
  }
  std::vector<std::string> names = Cache(settings.cache, repo).names(revision);
  std::erase_if(names, [](const std::string& name) { return !names_model(name); });
  if (!names.empty()) return names;
  return Error{fmt::format("{}: which files it has is not known ({}), and {} has none of them",
                           repo, failure, settings.cache.string())};
}

}  // namespace linnet::hub
